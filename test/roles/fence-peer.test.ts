import { spawn } from 'node:child_process'
import { chmodSync, existsSync, mkdirSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { renderFile } from '../../lib/resources/template.ts'

const roles = join(import.meta.dirname, '../../roles')

/** What the handler meets: its own node's state, what dopd answers, what the power switch comes to. */
interface Around {
  readonly drbd?: readonly [string, string, string]
  /** Exit codes of drbd-peer-outdater, one after another; the last one stays. */
  readonly dopd: readonly number[]
  /** Exit codes of `fence off`, one after another; the last one stays. */
  readonly off?: readonly number[]
  readonly noted?: boolean
  readonly attempt?: boolean
  readonly peer?: 'active' | 'dead'
  /** Whether the pair has power switches. */
  readonly fenced?: boolean
  /** The line is back when DRBD has been looked at that often. */
  readonly backAfter?: number
}

const primary = ['WFConnection', 'Primary/Unknown', 'UpToDate/DUnknown'] as const
const secondary = ['WFConnection', 'Secondary/Unknown', 'UpToDate/DUnknown'] as const

/** Runs DRBD's question in the real shell; its exit code, and whom it asked. */
async function ask(around: Around) {
  const folder = mkdtempSync(join(tmpdir(), 'fence-peer-'))
  const { drbd = primary, dopd, off = [0], noted, attempt, peer = 'active', fenced = true } = around
  mkdirSync(join(folder, 'run'))
  writeFileSync(join(folder, 'run/peer-off'), '1 100 powered off for heartbeat\n')
  if (attempt) writeFileSync(join(folder, 'run/attempt'), '1\n')
  const [connection, sides, disks] = drbd
  writeFileSync(
    join(folder, 'proc-drbd'),
    `version: 8.4.11\n 0: cs:${connection} ro:${sides} ds:${disks} C r-----\n    ns:0 nr:1 dw:1\n`,
  )
  const program = (name: string, text: string) => {
    writeFileSync(join(folder, name), `#!/bin/sh\necho "${name} $*" >>${folder}/asked\n${text}\n`)
    chmodSync(join(folder, name), 0o755)
  }
  // Takes the next of some exit codes, and the last one again and again.
  const codes = (name: string, list: readonly number[]) =>
    `n=$(grep -c '^${name}' ${folder}/asked); set -- ${list.join(' ')}; [ $n -le $# ] || n=$#; shift $((n - 1)); exit $1`
  const back = around.backAfter
  program(
    'outdater',
    `${back === undefined ? '' : `[ $(grep -c ^outdater ${folder}/asked) -lt ${back} ] || sed -i 's/cs:WFConnection/cs:Connected/' ${folder}/proc-drbd\n`}${codes('outdater', dopd)}`,
  )
  program('fence', `[ "$1" != noted ] || exit ${noted ? 0 : 1}\n${codes('fence off', off)}`)
  program('cl_status', `echo ${peer}`)
  const moved = (text: string) =>
    text
      .replace('export PATH=', `export PATH=${folder}:`)
      .replaceAll('/proc/drbd', `${folder}/proc-drbd`)
      .replaceAll('run=/run/tandem', `run=${folder}/run`)
      .replaceAll('/usr/local/lib/tandem/common', `${folder}/common`)
      .replaceAll('/usr/local/lib/tandem/fence', `${folder}/fence`)
      .replaceAll('/usr/libexec/heartbeat/drbd-peer-outdater', `${folder}/outdater`)
  const vip = { address: '10.0.0.9', prefix: 24, device: 'em1' }
  const common = { path: '/data', device: '/dev/drbd0', minor: 0, vip }
  writeFileSync(
    join(folder, 'common'),
    moved(renderFile(join(roles, 'base/templates/common.hbs'), common)),
  )
  const words = { peer: 'M2.example', switch: fenced, notice: 1, patience: 1, wait: 2 }
  const text = moved(renderFile(join(roles, 'drbd/templates/fence-peer.hbs'), words))
  writeFileSync(join(folder, 'fence-peer'), text)
  const child = spawn('sh', [join(folder, 'fence-peer')], { stdio: 'ignore' })
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
      'powered off, when the switch answers at last',
      { dopd: [5], off: [2, 1, 0] },
      { code: 7, off: 3 },
    ],
    [
      'powered off at once, where a take-over has just made sure',
      { drbd: secondary, dopd: [5], attempt: true, noted: true },
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
      { drbd: secondary, dopd: [5], off: [2] },
      { code: 1, off: 1 },
    ],
    ['when the line is back', { dopd: [5], off: [2], backAfter: 3 }, { code: 1 }],
    [
      'by an old note, without a take-over',
      { drbd: secondary, dopd: [5], off: [1], noted: true },
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
