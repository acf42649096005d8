import { spawnSync } from 'node:child_process'
import { mkdtempSync, readdirSync, readFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const watch = readFileSync(
  join(import.meta.dirname, '../../roles/integrate/templates/watch.hbs'),
  'utf8',
)
/** The watch's own look at the disk: a file without a name, written down to it. */
const probe = /error=\$\(perl -e '([^']+)' \$path/.exec(watch)?.[1] ?? ''
const run = (folder: string) => {
  const { status, stdout, stderr } = spawnSync('perl', ['-e', probe, folder], { encoding: 'utf8' })
  return { status, said: stdout + stderr }
}
const sh = (script: string) => spawnSync('sh', ['-ec', script], { encoding: 'utf8' })
const mounts =
  process.getuid?.() === 0 &&
  sh(
    "unshare -m --propagation slave sh -ec 'mount -t tmpfs none /mnt && f=/mnt/i && truncate -s 8M $f && mke2fs -q $f && mkdir /mnt/d && mount -o loop $f /mnt/d'",
  ).status === 0

describe('a write to the disk', () => {
  it('is made, and leaves nothing behind', () => {
    const folder = mkdtempSync(join(tmpdir(), 'tandem-probe-'))
    expect(run(folder)).toEqual({ status: 0, said: '' })
    expect(readdirSync(folder)).toEqual([])
  })

  it('fails with a reason where the folder is not there', () => {
    expect(run('/nowhere')).toEqual({ status: 1, said: 'open: No such file or directory' })
  })

  /** On a filesystem of its own, in a namespace of its own. */
  const within = (prepare: string) => {
    const place = mkdtempSync(join(tmpdir(), 'tandem-probe-'))
    const script = join(place, 'probe')
    return spawnSync(
      'unshare',
      [
        '-m',
        // A private copy of the mounts would keep those of other tests from ending.
        '--propagation',
        'slave',
        'sh',
        '-ec',
        `cat >${script}; mkdir ${place}/d; truncate -s 8M ${place}/i; mke2fs -q -m 0 -t ext4 ${place}/i; mount -o loop ${place}/i ${place}/d
         ${prepare.replaceAll('DIR', `${place}/d`)}
         perl ${script} ${place}/d && echo well || echo " code $?"; umount ${place}/d`,
      ],
      { encoding: 'utf8', input: probe },
    )
  }

  it.runIf(mounts)('fails on a filesystem that is read-only', () => {
    const { stdout, stderr } = within('mount -o remount,ro DIR')
    expect(stdout, stderr).toBe('open: Read-only file system code 1\n')
  })

  it.runIf(mounts)('is no failure of the disk where it is full', () => {
    const { stdout, stderr } = within(
      'dd if=/dev/zero of=DIR/x bs=4k 2>/dev/null || :; dd if=/dev/zero of=DIR/y bs=1k 2>/dev/null || :',
    )
    expect(stdout, stderr).toBe('well\n')
  })
})
