import { existsSync, mkdtempSync, readFileSync, symlinkSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { delimiter, join } from 'node:path'
import { expect, vi } from 'vitest'

/** Finds a program the way a shell does. */
export function which(name: string): string | undefined {
  const folders = (process.env.PATH ?? '').split(delimiter).concat('/usr/sbin', '/sbin')
  return folders.map((folder) => join(folder, name)).find(existsSync)
}

/** The shells of this machine that hosts may have as /bin/sh, each with the path to run it by. */
export function shells(): { name: string; path: string }[] {
  const found = ['dash', 'bash'].flatMap((name) => {
    const path = which(name)
    return path ? [{ name, path }] : []
  })
  const busybox = which('busybox') ?? process.env.TEST_BUSYBOX
  if (!busybox) return found
  const ash = join(mkdtempSync(join(tmpdir(), 'tandem-ash-')), 'ash')
  symlinkSync(busybox, ash)
  return [...found, { name: 'busybox ash', path: ash }]
}

/** Waits until every process whose number is in the file has ended; there must be so many. */
export async function gone(file: string, count: number): Promise<void> {
  const pids = readFileSync(file, 'utf8').trim().split('\n').map(Number)
  expect(pids).toHaveLength(count)
  for (const pid of pids) {
    await vi.waitFor(() => expect(stateOf(pid)).toBe('gone'), { timeout: 10_000 })
  }
}

/** A zombie is gone too: when it is reaped is init's business. */
function stateOf(pid: number): string {
  try {
    const state = readFileSync(`/proc/${pid}/stat`, 'utf8').split(') ')[1]?.[0]
    return state === 'Z' ? 'gone' : `state ${state}`
  } catch {
    return 'gone'
  }
}
