import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { setTimeout as sleep } from 'node:timers/promises'
import { beforeEach, describe, expect, it } from 'vitest'
import { HostAround, procDrbd, type Replica } from './host-around.ts'

const secret = 'the-secret-of-the-switch'

/** What the machine around the program is like. */
interface Around {
  /** connection, role of both, disk of both, as /proc/drbd has them. */
  readonly drbd: Replica
  /** Heartbeat's word for the peer. */
  readonly peer?: 'active' | 'dead'
  /** Whether ping nodes and the peer's own addresses answer. */
  readonly hears?: boolean
  readonly answers?: boolean
  /** What the switch says until it is told `off`; `silent` where it never answers. */
  readonly power?: 'on' | 'off' | 'silent' | 'stuck'
  /** How long a peer that answers ping is given to come up, in seconds. */
  readonly booting?: number
}

const lost: Replica = ['WFConnection', 'Secondary/Unknown', 'UpToDate/DUnknown']
const serving: Replica = ['WFConnection', 'Primary/Unknown', 'UpToDate/DUnknown']

let host = new HostAround()
beforeEach(() => {
  host = new HostAround({
    '/sys/class/net/$card/carrier': 'carrier',
    '/etc/tandem/fencing': 'fencing',
  })
})

/** Puts the program and everything it calls into the folder: its own text, in the real shell. */
function install(around: Around, received = 100): void {
  const { peer = 'dead', hears = true, answers = false, power = 'on', booting = 1 } = around
  const { folder } = host
  host.file('proc-drbd', procDrbd(around.drbd, received))
  if (!existsSync(join(folder, 'power'))) host.file('power', power)
  host.file('carrier', '1\n')
  host.program('cl_status', `echo ${peer}`)
  host.program(
    'ping',
    `case "$*" in *10.0.0.1) exit ${hears ? 0 : 1} ;; *) exit ${answers ? 0 : 1} ;; esac`,
  )
  host.program('logger', 'exit 0')
  host.program('wall', 'exit 0')
  // As DRBD does; `returns` is what a peer has become to it that came back in that very moment.
  host.program(
    'drbdadm',
    `case $1 in
disconnect) if [ -e ${folder}/returns ]; then cp ${folder}/returns ${folder}/proc-drbd; else sed -i 's/cs:WFConnection/cs:StandAlone/' ${folder}/proc-drbd; fi ;;
connect) sed -i 's/cs:StandAlone/cs:WFConnection/' ${folder}/proc-drbd ;;
esac`,
  )
  host.program(
    'ipmitool',
    `read -r power <${folder}/power
case "$power $*" in
silent*) echo 'Error: Unable to establish IPMI v2 / RMCP+ session'; exit 1 ;;
stuck*'power off') echo 'Chassis Power Control: Down/Off' ;;
*'power off') echo off >${folder}/power ;;
*'power on') echo on >${folder}/power ;;
stuck*) echo 'Chassis Power is on' ;;
*) echo "Chassis Power is $power" ;;
esac`,
  )
  host.script('fencing', 'fencing/templates/fencing.hbs', {
    peer: 'M2.example',
    peerName: 'M2',
    plugin: 'external/ipmi',
    peerAddresses: '10.1.0.2 10.2.0.2',
    pingNodes: '10.0.0.1',
    settings: { switch: '10.9.0.2', user: 'admin', secret: join(folder, 'secret') },
  })
  host.file('secret', `${secret}\n`)
  const plugins = {
    ipmi: true,
    libvirt: false,
    rackpdu: false,
    nut: false,
    none: false,
    outlets: false,
  }
  const words = {
    ...plugins,
    resource: 'drbd',
    delay: 1,
    booting,
    interface: 'lanplus',
    port: 623,
    cipher: ' -C 3',
  }
  host.script('fence', 'fencing/templates/fence.hbs', words)
}

/** Runs the program; what it ended with, and what the switch was told meanwhile. */
async function fence(...words: string[]) {
  const child = spawn('sh', [join(host.folder, 'fence'), ...words], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let stderr = ''
  child.stderr.setEncoding('utf8').on('data', (text: string) => {
    stderr += text
  })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  const read = (name: string) => {
    const file = join(host.folder, name)
    return existsSync(file) ? readFileSync(file, 'utf8') : ''
  }
  const asked = read('asked')
  const orders = asked.match(/power (off|on)$/gm)?.map((line) => line.split(' ')[1]) ?? []
  // The watch takes anything in there, a line feed too, for something that is waited for.
  const waiting = read('run/waiting')
  expect(waiting).not.toBe('\n')
  return { code, stderr, asked, orders, waiting: waiting.trim() }
}

describe('the peer is powered off', () => {
  it.each([
    ['for a take-over, of a peer that heartbeat calls dead', { drbd: lost }, 'heartbeat'],
    ['for DRBD, before heartbeat has missed it', { drbd: serving, peer: 'active' }, 'fence-peer'],
    [
      'for a take-over, of a peer that answers ping and nothing else for long',
      { drbd: lost, answers: true },
      'heartbeat',
    ],
    ['for the watch, where no line answers', { drbd: lost, peer: 'active' }, 'watch'],
  ] as const)('%s', async (_, around, caller) => {
    install(around)
    const { code, orders, asked, waiting } = await fence('off', caller)
    expect(code).toBe(0)
    expect(orders[0]).toBe('off')
    expect(waiting).toBe('')
    expect(asked).not.toContain(secret)
    expect((await fence('noted')).code).toBe(0)
  })

  it('while DRBD takes no peer, by a node that does not serve, and DRBD looks for it again afterwards', async () => {
    install({ drbd: lost })
    const { asked } = await fence('off', 'heartbeat')
    const steps = asked.match(/^drbdadm .*|power (?:off|on|status)$/gm)
    expect(steps).toEqual([
      'power status',
      'drbdadm disconnect drbd',
      'power off',
      'power status',
      'drbdadm connect drbd',
      ...(steps?.slice(5) ?? []),
    ])
    expect(existsSync(join(host.folder, 'run/apart'))).toBe(false)
  })

  it.each([
    ['by the node that serves: whoever comes back takes its data', serving],
    ['where DRBD asks in the middle of a promotion, and would wait for its own answer', lost],
  ])('without that %s', async (_, drbd) => {
    install({ drbd })
    const { code, asked } = await fence('off', 'fence-peer')
    expect(code).toBe(0)
    expect(asked).not.toMatch(/^drbdadm/m)
  })

  it.each(['on', 'stuck'] as const)(
    'or not, and DRBD looks for it again: %s',
    async (power) => {
      install({ drbd: lost, power })
      const { asked } = await fence('off', 'heartbeat')
      expect(asked).toMatch(/^drbdadm connect drbd$/m)
      expect(readFileSync(join(host.folder, 'proc-drbd'), 'utf8')).toContain('cs:WFConnection')
    },
    30_000,
  )

  it('and nothing is sent where its switch says that it is off already', async () => {
    install({ drbd: lost, power: 'off', hears: false })
    expect(await fence('off', 'heartbeat')).toMatchObject({ code: 0, orders: [] })
  })
})

describe('the peer is left alone', () => {
  it('where it is back in the very moment: its data is the newer', async () => {
    install({ drbd: lost })
    host.file('returns', procDrbd(['SyncTarget', 'Secondary/Secondary', 'Inconsistent/UpToDate']))
    const { code, orders, asked, waiting } = await fence('off', 'heartbeat')
    expect({ code, orders }).toEqual({ code: 1, orders: [] })
    expect(asked).toMatch(/^drbdadm connect drbd$/m)
    expect(waiting).toMatch(/SyncTarget with its disk Inconsistent: the peer is on its way back/)
  })

  it.each([
    [
      'while DRBD is connected',
      { drbd: ['Connected', 'Secondary/Primary', 'UpToDate/UpToDate'] },
      /DRBD is Connected/,
    ],
    [
      'by a node that started alone',
      { drbd: ['WFConnection', 'Secondary/Unknown', 'Consistent/DUnknown'] },
      /disk is Consistent/,
    ],
    [
      'by an outdated disk',
      { drbd: ['WFConnection', 'Secondary/Unknown', 'Outdated/DUnknown'] },
      /disk is Outdated/,
    ],
    [
      'by a server without its disk',
      { drbd: ['WFConnection', 'Primary/Unknown', 'Diskless/DUnknown'] },
      /disk is Diskless/,
    ],
    [
      'in a state that nobody knows',
      { drbd: ['Quantum', 'Secondary/Unknown', 'UpToDate/DUnknown'] },
      /DRBD is Quantum/,
    ],
    ['by a node that hears no ping node', { drbd: lost, hears: false }, /no ping node answers/],
    [
      'where heartbeat hears it',
      { drbd: lost, peer: 'active' },
      /heartbeat does not call M2.example dead/,
    ],
  ] as const)('%s', async (_, around, wanted) => {
    install(around as Around)
    const { code, orders, stderr, waiting } = await fence('off', 'heartbeat')
    expect({ code, orders }).toEqual({ code: 1, orders: [] })
    expect(stderr).toMatch(wanted)
    expect(waiting).toMatch(wanted)
  })

  it('while it is on its way up, until DRBD has it', async () => {
    install({ drbd: lost, answers: true, booting: 20 })
    const under = fence('off', 'heartbeat')
    await sleep(2_500)
    host.file('proc-drbd', procDrbd(['Connected', 'Secondary/Secondary', 'UpToDate/UpToDate']))
    expect(await under).toMatchObject({ code: 1, orders: [] })
  }, 20_000)

  it('where the watch finds that one of its lines answers', async () => {
    install({ drbd: lost, answers: true })
    expect(await fence('off', 'watch')).toMatchObject({ code: 1, orders: [] })
  })
})

it('a switch that says off of a peer that answers is not believed', async () => {
  install({ drbd: lost, power: 'off', answers: true })
  const { code, orders, waiting } = await fence('off', 'heartbeat')
  expect({ code, orders }).toEqual({ code: 2, orders: [] })
  expect(waiting).toMatch(/says that M2.example is off, but M2.example answers/)
})

describe('what is not confirmed', () => {
  it.each(['silent', 'stuck'] as const)(
    'by a switch that is %s holds everything, and says what to type',
    async (power) => {
      install({ drbd: serving, power })
      const { code, waiting } = await fence('off', 'fence-peer')
      expect(code).toBe(2)
      expect(waiting).toMatch(
        /^it is not confirmed that M2.example is off: .* npm run play confirm-off M2$/,
      )
      expect((await fence('noted')).code).not.toBe(0)
    },
    30_000,
  )

  it('goes on by the word of an administrator, until the peer is heard of again', async () => {
    install({ drbd: serving, power: 'silent' })
    expect((await fence('confirm')).code).toBe(0)
    expect((await fence('off', 'fence-peer')).code).toBe(0)
    // The peer has sent something since: it cannot have been off.
    install({ drbd: serving, power: 'silent' }, 101)
    expect((await fence('off', 'fence-peer')).code).toBe(2)
    install({ drbd: serving, power: 'silent' })
    expect((await fence('noted')).code).not.toBe(0)
  }, 30_000)

  it('an administrator said is forgotten once DRBD is connected', async () => {
    install({ drbd: serving, power: 'silent' })
    await fence('confirm')
    install({ drbd: ['Connected', 'Primary/Secondary', 'UpToDate/UpToDate'], power: 'silent' })
    expect((await fence('noted')).code).not.toBe(0)
    install({ drbd: serving, power: 'silent' })
    expect((await fence('noted')).code).not.toBe(0)
  })

  it('an administrator said counts for nothing where the switch says that the peer has power', async () => {
    install({ drbd: ['WFConnection', 'Secondary/Unknown', 'Consistent/DUnknown'], power: 'on' })
    await fence('confirm')
    expect((await fence('off', 'heartbeat')).code).toBe(1)
  })
})
