import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HostAround, procDrbd, type Replica } from './host-around.ts'

/** What a take-over meets. */
interface Around {
  /** connection, roles, disks: what /proc/drbd says, one after another; the last stays. */
  readonly drbd: readonly Replica[]
  /** Heartbeat's word for the peer. */
  readonly peer?: 'active' | 'dead'
  /** Exit codes of `fence off`, one after another; the last stays. */
  readonly off?: readonly number[]
  /** Whether this node hears a ping node. */
  readonly hears?: boolean
  readonly fenced?: boolean
  /** heartbeat is being stopped. */
  readonly leaving?: boolean
  /** An administrator has given up what the peer wrote alone: for how many seconds more. */
  readonly chosen?: number
}

/** Seconds since boot when a take-over begins; only its own pauses let time pass, so a busy machine changes nothing. */
const uptime = 1_000
/** What a pause of the script counts for, in tenths of a second. */
const pauseTenths = 3

/** Runs `tandem-disk start` in the real shell; what came of it. */
async function start(around: Around) {
  const {
    drbd,
    peer = 'dead',
    off = [0],
    hears = true,
    fenced = true,
    leaving = false,
    chosen,
  } = around
  const host = new HostAround({ '/proc/uptime': 'uptime' })
  const { folder } = host
  host.file('uptime', `${uptime}.00 0.00\n`)
  if (leaving) host.file('run/leaving', '')
  if (chosen !== undefined) host.file('run/chosen', `${uptime + chosen}\n`)
  drbd.forEach((one, at) => {
    host.file(`drbd-${at}`, procDrbd(one))
    if (at === 0) host.file('proc-drbd', procDrbd(one))
  })
  // DRBD refuses a second Primary and whoever is not UpToDate, as the kernel does.
  host.program(
    'drbdsetup',
    `[ "$3" = --force ] || grep -q 'ro:Secondary/[SU].* ds:UpToDate/' ${folder}/proc-drbd || exit 11\nsed -i 's/ro:Secondary/ro:Primary/' ${folder}/proc-drbd`,
  )
  host.program('cl_status', `echo ${peer}`)
  host.program('logger', 'exit 0')
  host.program('systemctl', 'exit 0')
  host.program(
    'fence',
    `case $1 in hears) exit ${hears ? 0 : 1} ;; esac
echo 'nobody confirms it' >${folder}/run/waiting
${host.codes('fence', ' off', off)}`,
  )
  // Each pause shows the next state, and is all that takes time.
  host.program(
    'sleep',
    `n=$(grep -c '^sleep' ${folder}/asked); [ ! -e ${folder}/drbd-$n ] || cp ${folder}/drbd-$n ${folder}/proc-drbd
t=$((n * ${pauseTenths})); echo "$((${uptime} + t / 10)).$((t % 10))0 0.00" >${folder}/uptime`,
  )
  const script = host.script('tandem-disk', 'integrate/templates/tandem-disk.hbs', {
    resource: 'drbd',
    fence: join(folder, 'fence'),
    switch: fenced,
    peer: 'M2.example',
    tries: 1,
    hung: 2,
  })
  const child = spawn('sh', [script, 'start'], {
    stdio: ['ignore', 'ignore', 'pipe'],
  })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  const asked = readFileSync(join(folder, 'asked'), { encoding: 'utf8', flag: 'a+' })
  const refused = join(folder, 'run/refused')
  return {
    code,
    said,
    role: readFileSync(join(folder, 'proc-drbd'), 'utf8').match(/ro:(\w+)/)?.[1],
    off: asked.match(/^fence off/gm)?.length ?? 0,
    left: existsSync(refused) && /^systemctl --no-block stop heartbeat/m.test(asked),
    attempt: readFileSync(join(folder, 'run/attempt'), 'utf8'),
  }
}

describe('a node that an administrator has chosen over its peer', () => {
  const apart = (disk: string) => [['StandAlone', 'Secondary/Unknown', `${disk}/DUnknown`]] as const
  it.each([
    ['serves what it has', 'UpToDate', 60, 'Primary'],
    ['serves what may be old', 'Outdated', 60, 'Primary'],
    ['does not where its data is not whole', 'Inconsistent', 60, 'Secondary'],
    ['does not when the time for it has passed', 'UpToDate', -1, 'Secondary'],
  ] as const)('%s', { timeout: 20_000 }, async (_, disk, seconds, role) => {
    const told = await start({ drbd: apart(disk), peer: 'active', chosen: seconds })
    expect(told).toMatchObject({ role, off: 0, code: role === 'Primary' ? 0 : 1 })
  })
})

const [both, behind] = ['UpToDate/UpToDate', 'UpToDate/DUnknown']
const alone = ['WFConnection', 'Secondary/Unknown', behind] as const
const handed = ['Connected', 'Secondary/Secondary', both] as const
const served = ['Connected', 'Secondary/Primary', both] as const
const syncing = ['SyncTarget', 'Secondary/Secondary', 'Inconsistent/UpToDate'] as const

describe('a node becomes Primary', () => {
  it.each([
    ['beside a connected peer, without asking a switch', { drbd: [handed], peer: 'active' }, 0],
    [
      'as the source of a resync',
      { drbd: [['SyncSource', 'Secondary/Secondary', 'UpToDate/Inconsistent']], peer: 'active' },
      0,
    ],
    ['when the peer hands over a moment later', { drbd: [served, handed], peer: 'active' }, 0],
    ['when the peer that heartbeat has lost gives up', { drbd: [served, served, handed] }, 0],
    ['alone, when the peer is confirmed off', { drbd: [alone] }, 1],
    ['alone, when a silent switch answers at last', { drbd: [alone], off: [2, 2, 0] }, 3],
    ['when DRBD finds its peer while the switch is silent', { drbd: [alone, handed], off: [2] }, 1],
    [
      'when its peer is known to be outdated, though heartbeat hears it',
      { drbd: [['WFConnection', 'Secondary/Unknown', 'UpToDate/Outdated']], peer: 'active' },
      0,
    ],
    ['as DRBD decides, where heartbeat hears the peer', { drbd: [alone], peer: 'active' }, 0],
    [
      'when the peer has taken leave a moment later',
      { drbd: [['TearDown', 'Secondary/Unknown', behind], alone] },
      1,
    ],
    [
      'when a short resync ends, after as much time as it takes to refuse something else',
      { drbd: [served, served, served, served, syncing, handed] },
      0,
    ],
    [
      'when a short resync ends',
      {
        drbd: [['SyncTarget', 'Secondary/Secondary', 'Inconsistent/UpToDate'], handed],
        peer: 'active',
      },
      0,
    ],
  ] as const)(
    '%s',
    async (_, around, off) => {
      const told = await start(around as unknown as Around)
      expect(told).toMatchObject({ code: 0, role: 'Primary', off, left: false, attempt: '' })
    },
    20_000,
  )

  it('at once where it is already', async () => {
    const drbd = [['WFConnection', 'Primary/Unknown', 'UpToDate/Outdated']] as const
    expect(await start({ drbd })).toMatchObject({ code: 0, off: 0 })
  })
})

describe('a node refuses', () => {
  it.each([
    [
      'alone with data that may be old',
      ['WFConnection', 'Secondary/Unknown', 'Consistent/DUnknown'],
      {},
      /may be older/,
    ],
    [
      'alone with outdated data',
      ['WFConnection', 'Secondary/Unknown', 'Outdated/DUnknown'],
      {},
      /is older/,
    ],
    [
      'alone in mid-resync',
      ['WFConnection', 'Secondary/Unknown', 'Inconsistent/DUnknown'],
      {},
      /is older/,
    ],
    ['after a split brain', ['StandAlone', 'Secondary/Unknown', behind], {}, /StandAlone/],
    [
      'without its disk',
      ['Connected', 'Secondary/Secondary', 'Diskless/UpToDate'],
      {},
      /not ready/,
    ],
    ['without DRBD', ['Unconfigured', '', ''], {}, /not ready/],
    ['where it is cut off itself', alone, { off: [1] }, /nobody confirms it/],
    [
      'where DRBD sees the peer serve and it is cut off itself',
      served,
      { hears: false },
      /only heartbeat does not/,
    ],
    ['where DRBD sees the peer serve for long', served, {}, /only heartbeat does not/],
  ] as const)(
    '%s, and leaves heartbeat until the peer answers',
    async (_, drbd, around, wanted) => {
      const told = await start({ drbd: [drbd], ...(around as object) })
      expect(told).toMatchObject({ code: 1, left: true, attempt: '' })
      expect(told.role).not.toBe('Primary')
      expect(told.said).toMatch(wanted)
    },
    20_000,
  )

  it('what the peer serves that heartbeat hears again, and comes back as a new node', async () => {
    const told = await start({ drbd: [served], peer: 'active' })
    expect(told).toMatchObject({ code: 1, left: true })
    expect(told.said).toMatch(/the peer serves/)
  }, 20_000)

  it('at once where heartbeat is being stopped, though the switch is silent', async () => {
    expect(await start({ drbd: [alone], off: [2], leaving: true })).toMatchObject({
      code: 1,
      off: 0,
    })
  }, 20_000)
})

it('takes the word of heartbeat where the pair has no power switches', async () => {
  expect(await start({ drbd: [alone], fenced: false })).toMatchObject({ code: 0, off: 0 })
})
