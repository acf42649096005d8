import { spawn } from 'node:child_process'
import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import {
  type Collected,
  collect,
  type Ledger,
  type LedgerHost,
  type LedgerOptions,
  startLedger,
  stopLedger,
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

/** A ledger of this machine under way, with a short pause. */
export async function begun(options: Partial<LedgerOptions> = {}, host = here()): Promise<Ledger> {
  const place = folder()
  return startLedger(host, {
    run: `test-${++runs}`,
    directory: `${place}/mount`,
    acks: `${place}/acks`,
    pauseMs: 5,
    ...options,
  })
}

/** A ledger that wrote for a while and ended in order. */
export async function written(
  options: Partial<LedgerOptions> = {},
  ms = 400,
): Promise<Ledger & Collected> {
  const ledger = await begun(options)
  await sleep(ms)
  await stopLedger(here(), ledger)
  return { ...ledger, ...(await collect(here(), ledger)) }
}
