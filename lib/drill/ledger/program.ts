import { readFileSync } from 'node:fs'
import type { Output } from '../../core/task.ts'
import { quote } from '../../ssh/index.ts'

/** A host that the ledger's program runs on; it needs perl-base and nothing else. */
export interface LedgerHost {
  readonly name: string
  /** Runs text of `/bin/sh` as root; resolves whatever the exit code. */
  run(
    script: string,
    options?: { readonly stdin?: string; readonly timeoutMs?: number },
  ): Promise<Output>
}

const files = ['content', 'works', 'writer', 'checker', 'main']
let text: string | undefined

/** The whole program as one text; it goes over standard input and leaves no file on a host. */
export function program(): string {
  text ??= files
    .map((name) => readFileSync(new URL(`${name}.pl`, import.meta.url), 'utf8'))
    .join('\n')
  return text
}

/** What a mode of the program needs to know, by the program's own names. */
export type Words = Readonly<Record<string, string | number>>

/** Runs one mode of the program and gives the JSON it answers with. */
export async function ask(
  host: LedgerHost,
  mode: 'start' | 'stop' | 'held' | 'check',
  words: Words,
  options: { readonly data?: string; readonly timeoutMs: number },
): Promise<unknown> {
  const pairs = Object.entries(words).map(([name, value]) => quote(`${name}=${value}`))
  const { stdout, stderr, exitCode } = await host.run(['perl', '-', mode, ...pairs].join(' '), {
    stdin: `${program()}\n__END__\n${options.data ?? ''}`,
    timeoutMs: options.timeoutMs,
  })
  if (exitCode !== 0) {
    const why = stderr.trim() || `exit code ${exitCode}`
    throw new Error(`${host.name}: the ledger could not ${mode}: ${why}`)
  }
  try {
    return JSON.parse(stdout)
  } catch {
    throw new Error(
      `${host.name}: expected JSON from the ledger's ${mode}, got '${stdout.slice(0, 200)}'`,
    )
  }
}
