import { spawn } from 'node:child_process'
import { existsSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HostAround, procDrbd, type Replica } from './host-around.ts'

/** What the handler meets: its own node's state, what dopd answers, what the power switch comes to. */
interface Around {
  readonly drbd?: Replica
  /** Exit codes of drbd-peer-outdater, one after another; the last one stays. */
  readonly dopd: readonly number[]
  /** Exit codes of `fence off`, one after another; the last one stays. */
  readonly off?: readonly number[]
  readonly noted?: boolean
  readonly confirmed?: boolean
  /** Whether the peer answers ping. */
  readonly awake?: boolean
  /** When a take-over began that is under way; the note is of second 5. */
  readonly attempt?: string
  readonly peer?: 'active' | 'dead'
  /** Whether the pair has power switches. */
  readonly fenced?: boolean
  /** An administrator lets this node serve without its peer: for how many seconds more. */
  readonly alone?: number
  /** The line is back when DRBD has been looked at that often. */
  readonly backAfter?: number
}

const primary = ['WFConnection', 'Primary/Unknown', 'UpToDate/DUnknown'] as const
const secondary = ['WFConnection', 'Secondary/Unknown', 'UpToDate/DUnknown'] as const

/** Runs DRBD's question in the real shell; its exit code, and whom it asked. */
async function ask(around: Around) {
  const { drbd = primary, dopd, off = [0], noted, confirmed, attempt } = around
  const { peer = 'active', fenced = true, awake = true } = around
  const host = new HostAround({
    '/usr/local/lib/tandem/fence': 'fence',
    '/usr/libexec/heartbeat/drbd-peer-outdater': 'outdater',
  })
  const { folder } = host
  host.file('run/peer-off', '5 100 powered off for heartbeat\n')
  if (around.alone !== undefined) {
    const up = Number(readFileSync('/proc/uptime', 'utf8').split(' ')[0])
    host.file('run/alone', `${Math.floor(up + around.alone)}\n`)
  }
  if (attempt !== undefined) host.file('run/attempt', `${attempt}\n`)
  host.file('proc-drbd', procDrbd(drbd))
  const back = around.backAfter
  const healed =
    back === undefined
      ? ''
      : `[ $(grep -c ^outdater ${folder}/asked) -lt ${back} ] || sed -i 's/cs:WFConnection/cs:Connected/' ${folder}/proc-drbd\n`
  host.program('outdater', `${healed}${host.codes('outdater', '', dopd)}`)
  host.program(
    'fence',
    `case $1 in answers) exit ${awake ? 0 : 1} ;; noted) exit ${noted ? 0 : 1} ;; confirmed) exit ${confirmed ? 0 : 1} ;; esac\n${host.codes('fence', ' off', off)}`,
  )
  host.program('cl_status', `echo ${peer}`)
  // Whole seconds: of one, nothing may be left when the first answer is there.
  const words = { peer: 'M2.example', switch: fenced, notice: 1, patience: 2, wait: 2 }
  const script = host.script('fence-peer', 'drbd/templates/fence-peer.hbs', words)
  const child = spawn('sh', [script], { stdio: 'ignore' })
  const code = await new Promise((resolve) => child.on('exit', resolve))
  const file = join(folder, 'asked')
  const asked = existsSync(file) ? readFileSync(file, 'utf8').trim().split('\n') : []
  const count = (name: string) => asked.filter((line) => line.startsWith(name)).length
  return {
    code,
    outdater: count('outdater'),
    off: count('fence off'),
    note: existsSync(join(folder, 'run/peer-off')),
  }
}

describe('DRBD is told', () => {
  it.each([
    [
      'Outdated only by a peer that must have noticed the loss',
      { dopd: [4] },
      { code: 4, outdater: 2, off: 0 },
    ],
    ['Inconsistent at once', { dopd: [3] }, { code: 3, outdater: 1, off: 0 }],
    ['Primary at once', { drbd: secondary, dopd: [6] }, { code: 6, outdater: 1, off: 0 }],
    ['powered off, where nobody could be asked', { dopd: [5] }, { code: 7, off: 1 }],
    [
      'powered off, where dopd gave no answer that means anything',
      { dopd: [20] },
      { code: 7, off: 1 },
    ],
    ['Outdated, where dopd was on its way up again', { dopd: [5, 4] }, { code: 4, off: 0 }],
    [
      'Outdated, where dopd fell over its own answer',
      { dopd: [4, 5, 5, 4] },
      { code: 4, outdater: 4, off: 0 },
    ],
    [
      'powered off, where a peer that says Outdated was not awake all the time',
      { dopd: [4], awake: false },
      { code: 7, off: 1 },
    ],
    [
      'powered off, where an administrator said so before the take-over',
      { drbd: secondary, dopd: [5], attempt: '9.5', noted: true, confirmed: true },
      { code: 7, outdater: 0, off: 0 },
    ],
    [
      'powered off, of a peer that an administrator has named as gone, whatever this disk may have missed',
      { drbd: ['WFConnection', 'Secondary/Unknown', 'Consistent/DUnknown'], dopd: [5], alone: 30 },
      { code: 7, outdater: 0, off: 0 },
    ],
    [
      'nothing, where that was said too long ago',
      { drbd: ['WFConnection', 'Secondary/Unknown', 'Consistent/DUnknown'], dopd: [5], alone: -1 },
      { code: 1, outdater: 0, off: 0 },
    ],
    [
      'powered off, when the switch answers at last',
      { dopd: [5], off: [2, 1, 0] },
      { code: 7, off: 3 },
    ],
    [
      'powered off at once, where a take-over has just made sure',
      { drbd: secondary, dopd: [5], attempt: '4.9', noted: true },
      { code: 7, outdater: 0, off: 0 },
    ],
  ] as const)(
    '%s',
    async (_, around, wanted) => {
      expect(await ask(around)).toMatchObject(wanted)
    },
    20_000,
  )
})

describe('DRBD is told nothing', () => {
  it.each([
    [
      'by a node that is not sure of its own data',
      { drbd: ['WFConnection', 'Secondary/Unknown', 'Consistent/DUnknown'], dopd: [4] },
      { code: 1, outdater: 0, off: 0 },
    ],
    [
      'by a server without its disk',
      { drbd: ['WFConnection', 'Primary/Unknown', 'Diskless/DUnknown'], dopd: [4] },
      { code: 1, outdater: 0, off: 0 },
    ],
    [
      'where somebody promotes by hand and the peer may live',
      { drbd: secondary, dopd: [5], off: [2], peer: 'dead' },
      { code: 1, off: 1 },
    ],
    [
      'where somebody promotes by hand, and heartbeat hears the peer',
      { drbd: secondary, dopd: [5] },
      { code: 1, off: 0 },
    ],
    ['when the line is back', { dopd: [5], off: [2], backAfter: 3 }, { code: 1 }],
    [
      'by an old note, without a take-over',
      { drbd: secondary, dopd: [5], off: [1], noted: true, peer: 'dead' },
      { code: 1, off: 1 },
    ],
    [
      'by a note that is older than the take-over',
      { drbd: secondary, dopd: [5], off: [1], attempt: '6.2', noted: true, peer: 'dead' },
      { code: 1, off: 1 },
    ],
  ] as const)(
    '%s',
    async (_, around, wanted) => {
      expect(await ask(around)).toMatchObject(wanted)
    },
    20_000,
  )

  it('of what was known before an established line was lost', async () => {
    expect((await ask({ dopd: [3] })).note).toBe(false)
    expect((await ask({ drbd: secondary, dopd: [6] })).note).toBe(true)
  })
})

describe('without power switches', () => {
  it.each([
    ['"not asked" is dead where heartbeat says so', 'dead', 5],
    ['"not asked" is nothing where heartbeat hears the peer', 'active', 1],
  ] as const)(
    '%s',
    async (_, peer, code) => {
      expect(await ask({ dopd: [5], peer, fenced: false })).toMatchObject({ code, off: 0 })
    },
    20_000,
  )
})
