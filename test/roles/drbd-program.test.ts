import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HostAround } from './host-around.ts'

const pair = 'ipv4:172.16.100.210:7789 ipv4:172.16.100.211:7789'

/** Runs the program on a host whose drbdadm plans these lines; what was called, in its order, with the words. */
function run(plan: string, ...words: string[]) {
  const host = new HostAround({ '/sbin/drbdadm': 'drbdadm' })
  host.program('drbdadm', `[ "$1" != -d ] || cat ${host.folder}/plan`)
  host.program('drbdsetup', '')
  host.file('plan', plan.replaceAll('drbdsetup', `${host.folder}/drbdsetup`))
  const program = host.script('drbd', 'drbd/templates/drbd.hbs', {})
  const { status, stderr } = spawnSync('perl', [program, ...words], { encoding: 'utf8' })
  const asked = join(host.folder, 'asked')
  const calls = existsSync(asked) ? readFileSync(asked, 'utf8').split('\n').filter(Boolean) : []
  return { status, stderr, calls }
}

describe('drbdadm without its secret in the list of processes', () => {
  it('does what drbdadm planned, in its order, where no secret is among the words', () => {
    const lines = [
      'drbdsetup disk-options 0 --set-defaults --al-extents=1201',
      `drbdsetup net-options ${pair} --max-buffers=4000`,
    ]
    const { status, calls } = run(`${lines.join('\n')}\n`, 'adjust', 'drbd')
    expect(status).toBe(0)
    expect(calls).toEqual(['drbdadm -d adjust drbd', ...lines])
  })

  it('has drbdadm bring up what is down: it notes what is up, and mends metadata that a crash left open', () => {
    const plan = [
      'drbdsetup new-resource drbd --on-no-data-accessible=suspend-io',
      'drbdsetup new-minor drbd 0 0',
      'drbdmeta 0 v08 /dev/disk internal apply-al',
      'drbdsetup attach 0 /dev/disk /dev/disk internal',
    ]
    expect(run(plan.join('\n'), 'adjust', 'drbd').calls.slice(1)).toEqual([
      'drbdadm new-resource drbd',
      'drbdadm new-minor drbd',
      'drbdadm attach drbd',
    ])
  })

  it.each([
    ['connect', `drbdsetup connect drbd ${pair} --protocol=C --shared-secret='a b' --ping-int=2`],
    ['adjust', `drbdsetup net-options ${pair} --set-defaults --sndbuf-size=512K --shared-secret=x`],
  ])('gives a secret to nobody but the kernel: %s', (verb, line) => {
    // This machine has no DRBD: its kernel says so.
    const { status, stderr, calls } = run(line, verb, 'drbd')
    expect(stderr).toMatch(/^(the kernel refuses: |the kernel has no DRBD|DRBD refuses with code )/)
    expect(stderr).not.toMatch(/a b|secret/)
    expect(status).toBeGreaterThan(0)
    expect(calls.filter((call) => call.startsWith('drbdsetup'))).toEqual([])
  })

  it.each(['--shiny-new=1', '--max-buffers=many', '--after-sb-0pri=sometimes'])(
    'connects with drbdsetup, and says what that shows, where it does not know %s',
    (option) => {
      const line = `drbdsetup connect drbd ${pair} --protocol=C --shared-secret=x ${option}`
      const { status, stderr, calls } = run(line, 'connect', 'drbd')
      expect(stderr).toMatch(/shared secret is in the list of processes for a moment/)
      expect(status).toBe(0)
      expect(calls).toEqual(['drbdadm -d connect drbd', line])
    },
  )

  it('connects with what the caller added', () => {
    const { calls } = run('', 'connect', '--discard-my-data', 'drbd')
    expect(calls).toEqual(['drbdadm -d connect --discard-my-data drbd'])
  })

  it.each([[[]], [['connect']], [['down', 'drbd']], [['connect', '--force', 'drbd']]])(
    'refuses %j',
    (words) => {
      const { status, stderr, calls } = run('', ...words)
      expect(stderr).toBe('expected adjust or connect, and a resource\n')
      expect(status).toBeGreaterThan(0)
      expect(calls).toEqual([])
    },
  )
})
