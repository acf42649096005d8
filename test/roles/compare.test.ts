import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { neglected, parseCompared } from '../../roles/drbd/compare.ts'
import { parseProcDrbd } from '../../roles/drbd/status.ts'
import { resyncObstacle } from '../../roles/resync/index.ts'
import { HostAround, procDrbd, type Replica } from './host-around.ts'

const whole = 'UpToDate/UpToDate'
const rests: Replica = ['Connected', 'Primary/Secondary', whole]
const compares: Replica = ['VerifyS', 'Primary/Secondary', whole]

/** Runs the script in the real shell; DRBD shows one state after another, and `differ` KiB in the end. */
async function compare(states: readonly Replica[], differ = 0) {
  const host = new HostAround({ '/var/lib/tandem/compared': 'compared' })
  const { folder } = host
  states.forEach((state, at) => {
    host.file(
      `drbd-${at}`,
      procDrbd(state).replace(/oos:0/, `oos:${at === states.length - 1 ? differ : 0}`),
    )
  })
  host.file('proc-drbd', readFileSync(join(folder, 'drbd-0'), 'utf8'))
  const next = `n=$(grep -c '^sleep\\|^drbdadm' ${folder}/asked); [ ! -e ${folder}/drbd-$n ] || cp ${folder}/drbd-$n ${folder}/proc-drbd`
  host.program('drbdadm', next)
  host.program('sleep', next)
  host.program('logger', 'exit 0')
  const script = host.script('compare', 'drbd/templates/compare.hbs', { resource: 'drbd' })
  const child = spawn('sh', [script], { stdio: ['ignore', 'ignore', 'pipe'] })
  let said = ''
  child.stderr.setEncoding('utf8').on('data', (piece: string) => {
    said += piece
  })
  const code = await new Promise((resolve) => child.on('close', resolve))
  const read = (name: string) => readFileSync(join(folder, name), { encoding: 'utf8', flag: 'a+' })
  return { code, said, note: parseCompared(read('compared')), asked: read('asked') }
}

describe('the comparison', () => {
  it('waits for its end and notes that nothing differs', async () => {
    const { code, note, said, asked } = await compare([rests, compares, compares, rests])
    expect(code, said).toBe(0)
    expect(note?.differ).toBe(0)
    expect(asked).not.toMatch(/^logger/m)
  })

  it('wakes people up where something differs', async () => {
    const { code, note, asked } = await compare([rests, compares, rests], 16)
    expect(code).toBe(0)
    expect(note?.differ).toBe(16)
    expect(asked).toMatch(/logger .*differ in 16 KiB: npm run play verify/)
  })

  it.each([
    ['the line is down', ['WFConnection', 'Primary/Unknown', 'UpToDate/DUnknown']],
    ['a resync is under way', ['SyncTarget', 'Secondary/Primary', 'Inconsistent/UpToDate']],
    ['one runs already', compares],
  ] as const)('is left for the next time where %s', async (_, state) => {
    const { code, note, asked } = await compare([state])
    expect(code).toBe(0)
    expect(note).toBeUndefined()
    expect(asked).not.toMatch(/^drbdadm/m)
  })

  it('that was cut off is no comparison', async () => {
    const lost: Replica = ['WFConnection', 'Primary/Unknown', 'UpToDate/DUnknown']
    const { code, note, said } = await compare([rests, compares, lost])
    expect(code).toBe(1)
    expect(note).toBeUndefined()
    expect(said).toMatch(/not compared to the end/)
  })

  it('that was long ago is told, one that was never made is not', () => {
    const day = 86_400
    expect(neglected('1764250000')).toBeUndefined()
    expect(neglected(`1764250000\n${1764250000 - 30 * day} 1 0`)).toBeUndefined()
    expect(neglected(`1764250000\n${1764250000 - 40 * day} 1 0`)).toMatch(
      /last compared 40 days ago/,
    )
  })
})

describe('blocks that differ', () => {
  const state = (text: string, differ: number) =>
    parseProcDrbd(`version: 8.4.11 (api:1)\n\n 0: ${text} C r-----\n    ns:0 oos:${differ}\n`, 0)
  it.each([
    [state(`cs:Connected ro:Secondary/Primary ds:${whole}`, 16), undefined],
    [state(`cs:Connected ro:Secondary/Primary ds:${whole}`, 0), /nothing is known to differ/],
    [
      state(`cs:Connected ro:Primary/Secondary ds:${whole}`, 16),
      /so M1 must serve .* switchover first/,
    ],
    [state(`cs:Connected ro:Secondary/Secondary ds:${whole}`, 16), /so M1 must serve/],
    [
      state('cs:SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate', 16),
      /expected both disks/,
    ],
    [state('cs:WFConnection ro:Secondary/Unknown ds:UpToDate/DUnknown', 16), /expected both disks/],
  ])('are copied only to a standby at rest', (status, wanted) => {
    const got = resyncObstacle(status, 'M2', 'M1')
    if (wanted) expect(got).toMatch(wanted)
    else expect(got).toBeUndefined()
  })
})
