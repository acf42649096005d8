import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterAll } from 'vitest'
import {
  type Collected,
  collect,
  type Ledger,
  type LedgerHost,
  type LedgerOperation,
  type LedgerOptions,
  startLedger,
  stopLedger,
  type Writer,
} from '../../lib/drill/ledger/index.ts'

/** This machine as a host; `edit` may make the program another one. */
export function here(edit: (program: string) => string = (text) => text): LedgerHost {
  return {
    name: 'here',
    run: (script, { stdin = '', timeoutMs } = {}) =>
      new Promise((resolve, reject) => {
        const child = spawn('/bin/sh', ['-c', script], { timeout: timeoutMs })
        let stdout = ''
        let stderr = ''
        child.stdout.on('data', (chunk) => (stdout += chunk))
        child.stderr.on('data', (chunk) => (stderr += chunk))
        child.on('error', reject)
        child.on('close', (exitCode) => resolve({ stdout, stderr, exitCode }))
        child.stdin.on('error', () => {})
        child.stdin.end(edit(stdin))
      }),
  }
}

/** Runs a script on this machine that must succeed. */
export async function sh(script: string): Promise<string> {
  const { stdout, stderr, exitCode } = await here().run(script)
  if (exitCode !== 0) throw new Error(`${script}: ${stderr}`)
  return stdout
}

/** What the writer of that work puts into a file at that sequence. */
export async function contentOf(run: string, work: string, sequence: number): Promise<string> {
  const file = join(import.meta.dirname, '../../lib/drill/ledger/content.pl')
  return sh(
    `perl -e 'do shift; $run = shift; print content(@ARGV)' ${file} ${run} ${work} ${sequence}`,
  )
}

/** A new empty folder. */
export const folder = (): string => mkdtempSync(join(tmpdir(), 'ledger-'))

let runs = 0
const all: Ledger[] = []

/** Ends what a failed test left under way. */
export async function stopAll(): Promise<void> {
  for (const ledger of all.splice(0)) await stopLedger(here(), ledger, 2_000)
}
afterAll(stopAll)

/** Does something while no writer writes; each is left in the middle of what it was at. */
export async function still<T>(ledger: Ledger, act: () => T): Promise<Awaited<T>> {
  const all = `$(cut -d' ' -f2 ${ledger.acks}/pids)`
  await sh(`kill -STOP ${all}`)
  try {
    return await act()
  } finally {
    await sh(`kill -CONT ${all}`)
  }
}

/** A ledger of this machine under way, with a short pause. */
export async function begun(options: Partial<LedgerOptions> = {}, host = here()): Promise<Ledger> {
  const place = folder()
  const ledger = await startLedger(host, {
    run: `test-${++runs}`,
    directory: `${place}/mount`,
    acks: `${place}/acks`,
    pauseMs: 5,
    ...options,
  })
  all.push(ledger)
  return ledger
}

/** Waits until what was noted so far is so; a loaded machine may take its time. */
export async function noted(
  ledger: Ledger,
  isSo: (own: (writer: Writer) => readonly LedgerOperation[]) => boolean,
): Promise<void> {
  for (let tries = 0; tries < 400; tries++) {
    const { operations } = await collect(here(), ledger)
    if (isSo((writer) => operations.filter((operation) => operation.writer === writer))) return
    await sleep(50)
  }
  throw new Error('expected the writers to come so far within 20 s, got less')
}

/** Waits until every writer that does the same again and again did it `times` times. */
export async function wrote(ledger: Ledger, times: number): Promise<void> {
  const again = ledger.writers.filter((writer) => writer !== 'held')
  await noted(ledger, (own) => again.every((writer) => own(writer).length >= times))
}

/** A ledger of which each writer ended in order after at least so many operations. */
export async function written(
  options: Partial<LedgerOptions> = {},
  times = 40,
): Promise<Ledger & Collected> {
  const ledger = await begun(options)
  await wrote(ledger, times)
  await stopLedger(here(), ledger)
  return { ...ledger, ...(await collect(here(), ledger)) }
}
