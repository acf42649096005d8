import { type Round, type Span, type Work, works } from '../../lib/drill/record/round-record.ts'

/** The same numbers at every call, so that a test which fails can be run again. */
function random(seed: number): () => number {
  let state = seed
  return () => {
    state = (state + 0x6d2b79f5) | 0
    let mixed = Math.imul(state ^ (state >>> 15), 1 | state)
    mixed = (mixed + Math.imul(mixed ^ (mixed >>> 7), 61 | mixed)) ^ mixed
    return ((mixed ^ (mixed >>> 14)) >>> 0) / 2 ** 32
  }
}

export const drillNames = [
  'hand-over',
  'power-loss-of-active',
  'power-loss-of-standby',
  'power-loss-of-both',
  'kernel-panic',
  'heartbeat-killed',
  'heartbeat-stopped',
  'nfsd-gone',
  'data-cable-cut',
  'client-cable-cut',
  'all-cables-cut',
  'disk-errors',
  'disk-full',
  'clock-jump',
  'reboot-under-load',
  'fail-back-while-locks-are-held',
]

const usual = {
  detect: 2600,
  stop: 420,
  fence: 900,
  promote: 350,
  mount: 240,
  nfsd: 310,
  vip: 130,
  reconnect: 600,
  grace: 1900,
}

type Phase = keyof typeof usual
export const phases = Object.keys(usual) as Phase[]

const perSecond: Readonly<Record<Work, number>> = {
  create: 28,
  append: 34,
  overwrite: 31,
  rename: 22,
  read: 55,
  lock: 18,
}

export interface Shape {
  readonly drill: string
  readonly round: number
  readonly recipe: string
  readonly seed: number
  /** How many times as slow as usual. */
  readonly slow?: number
  readonly problems?: readonly string[]
  readonly lost?: readonly string[]
  readonly clientErrors?: readonly string[]
}

/** One round as a lab would measure it: M1 serves, something happens, M2 serves. */
export function sampleRound({ drill, round, recipe, seed, slow = 1, ...bad }: Shape): Round {
  const next = random(seed)
  const planned = drill.startsWith('hand') || drill.startsWith('fail-back')
  const phasesMs: Record<string, number> = {}
  for (const phase of phases) {
    if (planned && phase === 'detect') continue
    phasesMs[phase] = Math.round((usual[phase] ?? 0) * slow * (0.7 + 0.7 * next()))
  }
  const from = Date.UTC(2026, 2, 14, 9, 0) + Math.round(seed * 200_000 + next() * 1000)
  const fault = from + 20_000
  const ends = new Map<Phase, number>()
  let now = fault
  for (const phase of phases) {
    now += phasesMs[phase] ?? 0
    ends.set(phase, now)
  }
  const at = (phase: Phase) => ends.get(phase) ?? fault
  const served = at('reconnect')
  const to = now + 22_000 + Math.round(next() * 4000)

  const resume: Readonly<Record<Work, number>> = {
    create: at('grace'),
    append: served + 150,
    overwrite: served + 180,
    rename: served + 90,
    read: served,
    lock: at('grace') + 250,
  }
  const acknowledged: Partial<Record<Work, number[]>> = {}
  const longest: Partial<Record<Work, number>> = {}
  let total = 0
  for (const work of works) {
    const times: number[] = []
    let time = from + 1500 + next() * 200
    while (time < to - 2000) {
      const step = (0.5 + next()) * (1000 / (perSecond[work] ?? 1))
      if (time <= fault && time + step > fault) {
        longest[work] = resume[work] - time
        time = resume[work]
      } else time += step
      times.push(Math.round(time))
    }
    acknowledged[work] = times
    total += times.length
  }
  const span = (start: number, stop: number, text?: string): Span => ({
    from: Math.round(start),
    to: Math.round(stop),
    ...(text === undefined ? {} : { text }),
  })
  const gone = planned ? at('stop') : fault
  return {
    drill,
    round,
    recipe,
    problems: bad.problems ?? [],
    verdict: {
      acknowledged: total,
      lost: bad.lost ?? [],
      indeterminate: planned ? 0 : Math.floor(next() * 5),
      clientErrors: bad.clientErrors ?? [],
    },
    stalls: {
      newFile: Math.round(longest.create ?? 0),
      openFile: Math.round(Math.max(longest.append ?? 0, longest.overwrite ?? 0)),
      read: Math.round(longest.read ?? 0),
      lock: Math.round(longest.lock ?? 0),
    },
    phasesMs,
    timeline: {
      from,
      to,
      lanes: [
        {
          title: 'M1 DRBD',
          spans: [span(from, gone, 'Primary'), span(now + 9000, to, 'Secondary')],
        },
        { title: 'M1 nfsd', spans: [span(from, gone - 20)] },
        { title: 'M1 VIP', spans: [span(from, gone - 40)] },
        {
          title: 'M2 DRBD',
          spans: [span(from, at('promote'), 'Secondary'), span(at('promote'), to, 'Primary')],
        },
        {
          title: 'M2 nfsd',
          spans: [span(at('nfsd'), at('grace'), 'grace'), span(at('grace'), to, 'serving')],
        },
        { title: 'M2 VIP', spans: [span(at('vip'), to)] },
        { title: 'C1 mount', spans: [span(from, fault, 'answers'), span(served, to, 'answers')] },
      ],
      marks: [
        { at: fault - 9000, text: 'writers run' },
        { at: fault, text: planned ? 'fault: hand over to M2' : `fault: ${drill} on M1` },
        { at: at('detect'), text: 'M2 heartbeat: node M1 is dead' },
        { at: at('promote'), text: 'M2 is Primary' },
        { at: at('vip'), text: 'M2 has the floating address' },
        { at: at('grace'), text: 'M2 grace period ends' },
        { at: now + 9000, text: 'M1 is back, resynchronising' },
        { at: to - 900, text: 'both nodes UpToDate, checker begins' },
      ],
      acknowledged,
    },
  }
}

const problem =
  'Both nodes held the floating address for 2.31 s (M1 until +4.12 s, M2 from +1.81 s)'

/** All drills of one recipe; the article's are slower, and not all of them pass. */
export function sampleRounds(recipe = 'tandem', times = 3): Round[] {
  const article = recipe !== 'tandem'
  return drillNames.flatMap((drill, at) =>
    Array.from({ length: times }, (_, which) => {
      const bad = article && at % 5 === 3 && which > 0
      return sampleRound({
        drill,
        round: which + 1,
        recipe,
        seed: at * 10 + which + (article ? 1000 : 1),
        slow: (article ? 3.4 : 1) * (1 + (at % 4) / 5),
        ...(bad && {
          problems: [problem, 'A new file waited 41.20 s, the pass mark is 20 s'],
          lost: which > 1 ? ['create 812: acknowledged at +0.04 s, not on M2'] : [],
          clientErrors: which > 1 ? ['lock 91: EIO at +6.1 s'] : [],
        }),
      })
    }),
  )
}

export const sampleMeta = {
  phases,
  title: 'Drills of the pair M1 and M2',
  at: Date.UTC(2026, 2, 14, 9, 0),
  facts: {
    Acceleration: 'kvm',
    Deadtime: '3 s',
    'Grace period': '10 s',
    'Lease time': '10 s',
    Clients: 1,
    Kernel: '6.1.0-31-amd64',
    DRBD: '9.2.12, protocol C',
  },
}
