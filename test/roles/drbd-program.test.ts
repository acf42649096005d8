import { spawnSync } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HostAround } from './host-around.ts'

const pair = 'ipv4:127.0.0.1:7789 ipv4:172.16.100.211:7789'

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
    expect(stderr).toMatch(new RegExp(`^drbd ${verb} drbd: (the kernel has no DRBD|DRBD refuses)`))
    expect(stderr).not.toMatch(/a b|secret/)
    expect(status).toBe(10)
    expect(calls.filter((call) => call.startsWith('drbdsetup'))).toEqual([])
  })

  it.each(['--shiny-new=1', '--max-buffers=many', '--after-sb-0pri=sometimes'])(
    'connects with drbdsetup, and says what that shows, where it does not know %s',
    (option) => {
      const line = `drbdsetup connect drbd ${pair} --protocol=C --shared-secret=x ${option}`
      const { status, stderr, calls } = run(line, 'connect', 'drbd')
      expect(stderr).toMatch(/every user can see the shared secret for a moment/)
      expect(status).toBe(0)
      expect(calls).toEqual(['drbdadm -d connect drbd', line])
    },
  )

  it('changes nothing where this node does not have the address of its line', () => {
    const plan = `drbdsetup new-resource drbd\ndrbdsetup connect drbd ipv4:192.0.2.1:7789 ipv4:192.0.2.2:7789 --shared-secret=x`
    const { status, stderr, calls } = run(plan, 'adjust', 'drbd')
    expect(stderr).toBe('drbd adjust drbd: this node does not have the address 192.0.2.1\n')
    expect(status).toBe(10)
    expect(calls).toEqual(['drbdadm -d adjust drbd'])
  })

  it('tells the kernel what drbdsetup would: numbers, texts, policies, and a secret as drbdadm quotes it', () => {
    const host = new HostAround()
    const program = host.script('drbd', 'drbd/templates/drbd.hbs', {})
    const line = String.raw`drbdsetup-84 connect drbd ipv4:172.16.100.210:7789 ipv4:172.16.100.211:7790 --protocol=C --sndbuf-size=512K --shared-secret=a\ b\#c\'d\"e\\ --after-sb-1pri=discard-secondary --discard-my-data`
    const script =
      'require shift; my (undef, @words) = words(shift); print unpack "H*", request(@words)'
    const { stdout, stderr } = spawnSync('perl', ['-e', script, program, line], {
      encoding: 'utf8',
    })
    expect(stderr).toBe('')
    const number = (value: number) => Buffer.from(new Uint32Array([value]).buffer)
    const text = (value: string) => Buffer.from(`${value}\0`)
    const attribute = (type: number, value: Buffer) => {
      const head = Buffer.alloc(4)
      head.writeUInt16LE(4 + value.length)
      head.writeUInt16LE(type, 2)
      return Buffer.concat([head, value, Buffer.alloc(-value.length & 3)])
    }
    const address = (last: number, port: number) => {
      const made = Buffer.from([2, 0, 0, 0, 172, 16, 100, last, 0, 0, 0, 0, 0, 0, 0, 0])
      made.writeUInt16BE(port, 2)
      return made
    }
    const nested = 0x8000
    const wanted = [
      number(0xffffffff),
      number(0),
      attribute(
        nested | 2,
        Buffer.concat([
          attribute(2, text('drbd')),
          attribute(3, address(210, 7789)),
          attribute(4, address(211, 7790)),
        ]),
      ),
      attribute(
        nested | 5,
        Buffer.concat([
          attribute(6, number(3)),
          attribute(11, number(512 * 1024)),
          attribute(1, text('a b#c\'d"e\\')),
          attribute(18, number(8)),
          attribute(25, Buffer.from([1])),
        ]),
      ),
    ]
    expect(stdout).toBe(Buffer.concat(wanted).toString('hex'))
  })

  it('gives up where DRBD holds the request, and keeps no lock of its caller', () => {
    const host = new HostAround({ '/run/tandem/drbd-request': 'request' })
    const program = host.script('drbd', 'drbd/templates/drbd.hbs', {})
    // Nothing of the kernel is asked: the request hangs, and no signal but the last ends it.
    const script =
      'require shift; no warnings; *tell_kernel = sub { $SIG{TERM} = "IGNORE"; sleep 300 }; within(1, 10, "")'
    const lock = join(host.folder, 'lock')
    const { status, stderr } = spawnSync(
      'sh',
      [
        '-c',
        `exec 9>${lock}; flock 9; perl -e '${script}' ${program}; exec 9>&-; flock -n ${lock} true`,
      ],
      { encoding: 'utf8', timeout: 20_000 },
    )
    expect(stderr).toMatch(/^DRBD does not answer within 1 s\n$/)
    expect(status).toBe(0)
  })

  it('connects with what the caller added', () => {
    const { calls } = run('', 'connect', '--discard-my-data', 'drbd')
    expect(calls).toEqual(['drbdadm -d connect --discard-my-data drbd'])
  })

  it.each([[[]], [['connect']], [['down', 'drbd']], [['connect', '--force', 'drbd']]])(
    'refuses %j',
    (words) => {
      const { status, stderr, calls } = run('', ...words)
      expect(stderr).toMatch(/: expected adjust or connect, and a resource\n$/)
      expect(status).toBe(10)
      expect(calls).toEqual([])
    },
  )
})
