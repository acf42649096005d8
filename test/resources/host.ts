import { spawn } from 'node:child_process'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir, userInfo } from 'node:os'
import { join } from 'node:path'
import { $ } from 'zx/core'
import { commandLine, quote } from '../../lib/core/quote.ts'
import type { Ask, CheckHost, Host, Output, Question, Task } from '../../lib/core/task.ts'
import { writeFailure, writeScript } from '../../lib/ssh/files.ts'

/** This machine as a host: real commands in a real /bin/sh, and a list of what was asked. */
export interface Here extends Host {
  readonly asked: string[]
  readonly told: { text: string; fraction: number | undefined }[]
  readonly abort: AbortController
}

/** The user and group that the tests run as, by number: containers often lack the names. */
export const me = { owner: String(userInfo().uid), group: String(userInfo().gid) }

/** A host that is this machine; it keeps what was asked and told. */
export function here(): Here {
  const asked: string[] = []
  const told: Here['told'] = []
  const abort = new AbortController()
  const ask: Ask = (pieces, ...values) => {
    const script = commandLine(pieces, values)
    asked.push(script)
    return question(script)
  }
  const host: Here = {
    name: 'here',
    platform: 'debian12',
    $: ask,
    peer: (name): CheckHost => ({ ...host, name }),
    quick: (pieces, ...values) => question(commandLine(pieces, values)),
    sh: $({ shell: '/bin/sh', prefix: 'set -eu;', quote, quiet: true, signal: abort.signal }),
    write,
    progress: (text, fraction) => told.push({ text, fraction }),
    signal: abort.signal,
    asked,
    told,
    abort,
  }
  return host
}

function question(script: string): Question {
  let accepts: (code: number | null) => boolean = (code) => code === 0
  let text = ''
  let ms = 20_000
  // Runs on the next tick, so that nothrow, input and within can still be said.
  const promise = Promise.resolve().then(() => run(script, text, ms, (code) => accepts(code)))
  return Object.assign(promise, {
    nothrow() {
      accepts = (code) => code !== null && code !== 126 && code !== 127
      return this as unknown as Question
    },
    within(limit: number) {
      ms = limit
      return this as unknown as Question
    },
    input(given: string) {
      text = given
      return this as unknown as Question
    },
  })
}

function run(
  script: string,
  input: string | Buffer,
  timeout: number,
  accepts: (code: number | null) => boolean,
): Promise<Output> {
  return new Promise((resolve, reject) => {
    const env = { ...process.env, LC_ALL: 'C' }
    const child = spawn('/bin/sh', ['-c', script], { env, timeout })
    const out: Buffer[] = []
    const err: Buffer[] = []
    child.stdout.on('data', (chunk) => out.push(chunk))
    child.stderr.on('data', (chunk) => err.push(chunk))
    child.on('error', reject)
    child.on('close', (exitCode) => {
      const [stdout, stderr] = [out, err].map((all) => Buffer.concat(all).toString())
      const output = { stdout: stdout ?? '', stderr: stderr ?? '', exitCode }
      if (accepts(exitCode)) resolve(output)
      else reject(new Error(`exit code ${exitCode}: ${script}: ${output.stderr}`))
    })
    child.stdin.on('error', () => {})
    child.stdin.end(input)
  })
}

/** Writes with the script that a run would send. */
const write: Host['write'] = async (path, content, options) => {
  const data = Buffer.from(content)
  const { exitCode, stderr } = await run(
    writeScript(path, data.length, options),
    data,
    20_000,
    () => true,
  )
  if (exitCode !== 0) throw writeFailure('here', path, `${options.owner}`, stderr)
}

/** Runs `body` in a new directory that goes afterwards. */
export async function inDirectory(body: (directory: string) => Promise<void>): Promise<void> {
  const directory = await mkdtemp(join(tmpdir(), 'tandem test '))
  try {
    await body(directory)
  } finally {
    await rm(directory, { recursive: true })
  }
}

/** What the engine does with one task: check, apply what differs, check again. */
export async function converge(task: Task, host: Host = here()) {
  const change = await task.check(host)
  if (!change) return undefined
  await task.apply(host, change)
  const left = await task.check(host)
  if (left) throw new Error(`did not take: ${left.summary}`)
  return change
}
