import { spawnSync } from 'node:child_process'

/** Runs a script in /bin/sh; gives what it printed, and throws where it fails. */
export function sh(script: string): string {
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-ec', script], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${script}: ${stderr}`)
  return stdout.trim()
}

/** Whether this machine lets tests make loop devices. */
export const loops =
  process.getuid?.() === 0 &&
  spawnSync('/bin/sh', [
    '-ec',
    'f=$(mktemp); truncate -s 1M "$f"; d=$(losetup -f --show "$f"); losetup -d "$d"',
  ]).status === 0
