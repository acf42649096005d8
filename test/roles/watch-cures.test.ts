import { type ChildProcess, spawn } from 'node:child_process'
import { copyFileSync, existsSync, mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { limits } from '../../roles/integrate/watch.ts'
import { HostAround, procDrbd, type Replica } from './host-around.ts'

/** What the watch meets in one round; what is left out stays as it was. */
interface Seen {
  readonly drbd?: Replica
  /** DRBD holds all writes. */
  readonly held?: boolean
  /** The disk below has requests that it has not answered; it answers others meanwhile, or none. */
  readonly waits?: 'busy' | 'hangs' | undefined
  /** Heartbeat's word for what this node has. */
  readonly has?: 'all' | 'local' | 'foreign' | 'none' | 'transition'
  /** Heartbeat's word for the peer. */
  readonly peer?: 'active' | 'dead'
}

interface Around {
  readonly rounds: readonly Seen[]
  readonly serves?: boolean
  readonly preferred?: boolean
  readonly failBack?: boolean
  /** Whether heartbeat runs here, and why it was left. */
  readonly heartbeat?: boolean
  readonly refused?: string
  /** What the fencing program says, by question; 1 unless told. */
  readonly fence?: Readonly<Partial<Record<'answers' | 'hears' | 'off', 0 | 1>>>
  /** Another machine answers for the floating address. */
  readonly taken?: boolean
  /** A program of this name runs. */
  readonly runs?: string
  /** The note of the last comparison. */
  readonly compared?: string
}

const running: ChildProcess[] = []
afterEach(() => {
  for (const child of running.splice(0)) child.kill('SIGKILL')
})

/** A process that the kernel lists under this name. */
function processCalled(host: HostAround, name: string): number {
  const program = join(host.folder, `${name}.d`, name)
  mkdirSync(join(host.folder, `${name}.d`))
  copyFileSync('/bin/sleep', program)
  const child = spawn(program, ['60'], { stdio: 'ignore' })
  running.push(child)
  return child.pid ?? 0
}

/** Runs the watch in the real shell until it has seen all rounds; what it did, one line each. */
async function watch(around: Around): Promise<string[]> {
  const { rounds, serves = false, heartbeat = true, refused, fence = {} } = around
  const host = new HostAround({
    '/run/heartbeat.pid': 'heartbeat.pid',
    '/usr/share/heartbeat/hb_takeover': 'hb_takeover',
    '/etc/ha.d/resource.d': 'scripts',
    '/var/lib/tandem': 'memory',
  })
  const { folder } = host
  for (const name of ['scripts', 'memory']) mkdirSync(join(folder, name))
  if (around.compared !== undefined) host.file('memory/compared', `${around.compared}\n`)
  if (serves) host.file('run/serving', 'yes\n')
  if (refused !== undefined) host.file('run/refused', `${refused}\n`)
  if (heartbeat) host.file('heartbeat.pid', `${processCalled(host, 'heartbeat')}\n`)
  if (around.runs !== undefined) processCalled(host, around.runs)
  let now: Required<Omit<Seen, 'waits'>> & Pick<Seen, 'waits'> = {
    drbd: ['Connected', 'Secondary/Secondary', 'UpToDate/UpToDate'],
    held: false,
    has: 'none',
    peer: 'active',
  }
  rounds.forEach((seen, at) => {
    now = { ...now, ...seen }
    let text = procDrbd(now.drbd)
    if (now.waits) text = text.replace('lo:0', 'lo:3')
    if (now.waits === 'busy') text = text.replace('dw:1', `dw:${at}`)
    host.file(`drbd-${at}`, now.held ? text.replace(' r-----', ' s-----') : text)
    host.file(`has-${at}`, now.has)
    host.file(`peer-${at}`, now.peer)
  })
  // Each pause between two rounds shows the next state; the last one ends the watch.
  const show = `cp ${folder}/drbd-$n ${folder}/proc-drbd; cp ${folder}/has-$n ${folder}/has; cp ${folder}/peer-$n ${folder}/peer`
  host.program(
    'sleep',
    `[ "$1" = ${limits.every} ] || exit 0\nn=$(grep -c '^sleep ${limits.every}' ${folder}/asked)\n[ -e ${folder}/drbd-$n ] || { kill $PPID; exit; }\n${show}`,
  )
  for (const name of ['drbd', 'has', 'peer'] as const) {
    copyFileSync(join(folder, `${name}-0`), join(folder, name === 'drbd' ? 'proc-drbd' : name))
  }
  host.program(
    'cl_status',
    `case $1 in rscstatus) cat ${folder}/has ;; *) cat ${folder}/peer ;; esac`,
  )
  const { answers = 1, hears = 1, off = 1 } = fence
  host.program(
    'fence',
    `case $1 in answers) exit ${answers} ;; hears) exit ${hears} ;; *) exit ${off} ;; esac`,
  )
  for (const name of ['logger', 'systemctl', 'drbdsetup', 'ss', 'sync', 'hb_takeover']) {
    host.program(name, 'exit 0')
  }
  host.program('arping', around.taken ? 'exit 1' : 'exit 0')
  host.program('scripts/tandem-service', '[ "$1" != mend ]')
  const script = host.script('watch', 'integrate/templates/watch.hbs', {
    resource: 'drbd',
    ...limits,
    peer: 'M2.example',
    preferred: around.preferred ?? true,
    failBack: around.failBack ?? false,
    fence: join(folder, 'fence'),
    switch: true,
    legacyClients: false,
  })
  const child = spawn('sh', [script], { stdio: 'ignore' })
  running.push(child)
  await new Promise((resolve) => child.on('close', resolve))
  const asked = readFileSync(join(folder, 'asked'), 'utf8').split('\n')
  const reset = existsSync(join(folder, 'sysrq'))
  return [
    ...asked.filter((line) =>
      /^(hb_takeover|scripts\/tandem-service start|systemctl|drbdsetup|fence off)/.test(line),
    ),
    ...(reset ? ['reset'] : []),
    ...(around.compared === undefined
      ? []
      : [readFileSync(join(folder, 'memory/compared'), 'utf8')]),
  ]
}

const times = (count: number, seen: Seen): Seen[] => Array.from({ length: count }, () => seen)
const free = ['Connected', 'Secondary/Secondary', 'UpToDate/UpToDate'] as const
const peerServes = ['Connected', 'Secondary/Primary', 'UpToDate/UpToDate'] as const
const iServe = ['Connected', 'Primary/Secondary', 'UpToDate/UpToDate'] as const
const alone = ['WFConnection', 'Primary/Unknown', 'UpToDate/DUnknown'] as const
const fetching = ['SyncTarget', 'Secondary/Primary', 'Inconsistent/UpToDate'] as const
const noDisk = ['WFConnection', 'Primary/Unknown', 'Diskless/UpToDate'] as const
const takeOver = 'hb_takeover all'

describe('the watch of the preferred node, where it is to move back', { timeout: 20_000 }, () => {
  const back = { failBack: true, serves: false } as const

  it('asks for nothing while its disk is being fetched, however long that takes', async () => {
    expect(await watch({ ...back, rounds: times(40, { drbd: fetching }) })).toEqual([])
  })

  it('takes the service once both disks have been the same for a while', async () => {
    const rounds = [...times(6, { drbd: fetching }), ...times(13, { drbd: peerServes })]
    expect(await watch({ ...back, rounds })).toEqual([takeOver])
  })

  it('begins to count anew when the line is lost in between', async () => {
    const lost = { drbd: ['WFConnection', 'Secondary/Unknown', 'UpToDate/DUnknown'] } as const
    const rounds = [...times(10, { drbd: peerServes }), ...times(2, lost)]
    expect(
      await watch({ ...back, rounds: [...rounds, ...times(10, { drbd: peerServes })] }),
    ).toEqual([])
  })

  it('leaves it where it is, unless it was told to move back', async () => {
    const rounds = times(30, { drbd: peerServes })
    expect(await watch({ failBack: false, rounds })).toEqual([])
  })
})

describe('the watch', { timeout: 20_000 }, () => {
  it('takes what no node serves, on the preferred node first', async () => {
    expect(await watch({ rounds: times(4, { drbd: free }) })).toEqual([takeOver])
    expect(await watch({ preferred: false, rounds: times(8, { drbd: free }) })).toEqual([])
    expect(await watch({ preferred: false, rounds: times(11, { drbd: free }) })).toEqual([takeOver])
  })

  it('takes what the peer was given and has refused, because its disk is behind or gone', async () => {
    const alone = { drbd: ['WFConnection', 'Secondary/Unknown', 'UpToDate/Outdated'] } as const
    expect(await watch({ preferred: false, rounds: times(11, alone) })).toEqual([takeOver])
    // Somebody has the address: it serves, whatever DRBD is to this node.
    expect(await watch({ preferred: false, rounds: times(11, alone), taken: true })).toEqual([])
    const unsure = { drbd: ['WFConnection', 'Secondary/Unknown', 'UpToDate/DUnknown'] } as const
    expect(await watch({ preferred: false, rounds: times(11, unsure) })).toEqual([])
  })

  it.each([
    ['the peer serves', { drbd: peerServes }],
    [
      'a disk is being fetched',
      { drbd: ['SyncTarget', 'Secondary/Secondary', 'Inconsistent/UpToDate'] },
    ],
    ['heartbeat is at work', { has: 'transition' }],
    ['heartbeat does not hear the peer', { peer: 'dead' }],
  ] as const)('takes nothing while %s', async (_, seen) => {
    expect(await watch({ rounds: times(12, seen) })).toEqual([])
  })

  it('forgets blocks that differed once they were copied', async () => {
    const rounds = times(2, { drbd: iServe, has: 'all' })
    expect(await watch({ serves: true, rounds, compared: '7 5 16' })).toEqual(['7 5 0\n'])
    const apart = times(2, { drbd: alone, has: 'all' })
    expect(await watch({ serves: true, rounds: apart, compared: '7 5 16' })).toEqual(['7 5 16\n'])
  })

  it('tells a heartbeat that has forgotten that this node serves', async () => {
    const rounds = times(4, { drbd: iServe, has: 'none' })
    expect(await watch({ serves: true, rounds })).toEqual([takeOver])
    expect(await watch({ serves: true, rounds: times(8, { drbd: iServe, has: 'local' }) })).toEqual(
      [],
    )
  })

  it('starts again what was to be served here and is not, where nobody else is', async () => {
    const seen = {
      drbd: ['WFConnection', 'Secondary/Unknown', 'UpToDate/DUnknown'],
      has: 'all',
    } as const
    expect(await watch({ rounds: times(4, { ...seen, peer: 'dead' }) })).toEqual([
      'scripts/tandem-service start',
    ])
    expect(await watch({ rounds: times(8, { ...seen, peer: 'active' }) })).toEqual([])
  })

  it('leaves heartbeat where no client reaches this node and the peer can serve', async () => {
    const around = {
      serves: true,
      rounds: times(5, { drbd: iServe, has: 'all', peer: 'dead' }),
    } as const
    expect(await watch(around)).toContain('systemctl --no-block stop heartbeat')
    for (const fence of [{ hears: 0 }, { answers: 0 }] as const) {
      expect(await watch({ ...around, fence })).toEqual([])
    }
  })
})

describe('the watch of a node that serves without its peer', { timeout: 20_000 }, () => {
  it('resets a node whose disk answers nothing, so that the peer serves', async () => {
    const hangs = { drbd: iServe, has: 'all', waits: 'hangs' } as const
    expect(await watch({ serves: true, rounds: times(14, hangs) })).toContain('reset')
    expect(await watch({ serves: true, rounds: times(10, hangs) })).not.toContain('reset')
  })

  it.each([
    ['its disk is busy', { waits: 'busy' }],
    ['its disk has nothing to do', { waits: undefined }],
    ['heartbeat does not run on the peer', { peer: 'dead' }],
    [
      'the peer has not all of the data',
      { drbd: ['SyncSource', 'Primary/Secondary', 'UpToDate/Inconsistent'] },
    ],
    ['it is the standby', { drbd: peerServes }],
  ] as const)('does not reset it while %s', async (_, seen) => {
    const rounds = times(30, { drbd: iServe, has: 'all', waits: 'hangs', ...seen })
    expect(await watch({ serves: true, rounds, fence: { hears: 0 } })).not.toContain('reset')
  })

  it('resets a node without its disk, so that the peer serves', async () => {
    const rounds = times(6, { drbd: noDisk, has: 'all' })
    expect(await watch({ serves: true, rounds })).toContain('reset')
  })

  it.each([
    ['the peer is gone too', { drbd: noDisk, peer: 'dead' }],
    ['it has its disk', { drbd: alone, peer: 'active' }],
    [
      'the peer gives it what it lacks',
      { drbd: ['Connected', 'Primary/Secondary', 'Diskless/UpToDate'] },
    ],
  ] as const)('does not while %s', async (_, seen) => {
    expect(await watch({ serves: true, rounds: times(12, { has: 'all', ...seen }) })).not.toContain(
      'reset',
    )
  })

  const stuck = times(4, { drbd: alone, held: true, has: 'all', peer: 'dead' })

  it('asks for the peer where writes are held and nobody does; they go on once it is off', async () => {
    expect(await watch({ serves: true, rounds: stuck, fence: { off: 0 } })).toEqual([
      'fence off fence-peer',
      'drbdsetup resume-io 0',
    ])
    const silent = await watch({ serves: true, rounds: stuck })
    expect(new Set(silent)).toEqual(new Set(['fence off fence-peer']))
  })

  it('leaves that to the one who asks already', async () => {
    expect(await watch({ serves: true, rounds: stuck, runs: 'fence-peer' })).toEqual([])
  })
})

describe('the watch of a node that has left heartbeat', { timeout: 20_000 }, () => {
  const start = 'systemctl --no-block start heartbeat'
  const left = { heartbeat: false, refused: 'this node hears no ping node' } as const
  const cut = { drbd: ['WFConnection', 'Secondary/Unknown', 'UpToDate/DUnknown'] } as const

  it('comes back when the peer answers', async () => {
    expect(await watch({ ...left, rounds: times(2, cut), fence: { answers: 0 } })).toContain(start)
  })

  it('comes back alone only when the peer is confirmed off', async () => {
    expect(await watch({ ...left, rounds: times(2, cut), fence: { off: 0 } })).toContain(start)
    expect(await watch({ ...left, rounds: times(6, cut) })).not.toContain(start)
  })

  it('does not while its own disk may be old', async () => {
    const old = { drbd: ['WFConnection', 'Secondary/Unknown', 'Outdated/DUnknown'] } as const
    expect(await watch({ ...left, rounds: times(6, old), fence: { off: 0, hears: 0 } })).toEqual([])
  })

  it('starts what was stopped on a node that serves', async () => {
    const rounds = times(3, { drbd: iServe })
    expect(await watch({ heartbeat: false, serves: true, rounds })).toEqual([start])
  })

  it('leaves alone what an administrator stopped on a standby', async () => {
    expect(await watch({ heartbeat: false, rounds: times(6, { drbd: peerServes }) })).toEqual([])
  })
})
