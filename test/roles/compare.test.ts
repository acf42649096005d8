import { spawn } from 'node:child_process'
import { readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { neglected, neglectScript, parseCompared } from '../../roles/drbd/compare.ts'
import { parseProcDrbd } from '../../roles/drbd/status.ts'
import { resyncObstacle } from '../../roles/resync/index.ts'
import { moveObstacle } from '../../roles/switchover/index.ts'
import { HostAround, procDrbd, type Replica } from './host-around.ts'

const whole = 'UpToDate/UpToDate'
const rests: Replica = ['Connected', 'Primary/Secondary', whole]
const compares: Replica = ['VerifyS', 'Primary/Secondary', whole]

/** Runs the script in the real shell; DRBD shows one state after another, and `differ` KiB in the end; the kernel tells it unless `told` is false. */
async function compare(states: readonly Replica[], differ = 0, told = true) {
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
  const line = (at: number, what: string) => `[   ${at}.5] block drbd0: Online verify ${what}`
  host.program(
    'dmesg',
    `echo '${line(9, 'done (total 7 sec; paused 0 sec; 1 K/sec)')}'
grep -q '^drbdadm' ${folder}/asked || exit 0
echo '${line(10, 'start sector: 0')}'
${told ? `echo '${line(20, 'done (total 10 sec; paused 0 sec; 52420 K/sec)')}'` : ''}
echo '[   21.1] block drbd1: Online verify done (total 1 sec; paused 0 sec; 1 K/sec)'`,
  )
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
    expect(asked).toContain('drbdadm -- --start=0 verify drbd\n')
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
    // The line was back, and the rest copied, before this looked.
    const blink = await compare([rests, compares, rests], 0, false)
    expect(blink).toMatchObject({ code: 1, note: undefined })
    expect(blink.said).toMatch(/not compared to the end/)
  })

  it('that was long ago is told, as is one that was never made since it was asked for', () => {
    const now = 1764250000
    const ago = (days: number) => now - days * 86_400
    const told = (since: number, ended?: number) =>
      neglected([now, since, ...(ended === undefined ? [] : [`${ended} 1 0`])].join('\n'))
    expect(told(ago(3))).toBeUndefined()
    expect(told(ago(90), ago(30))).toBeUndefined()
    expect(told(ago(90), ago(40))).toMatch(/last compared 40 days ago/)
    expect(told(ago(40))).toMatch(/not been compared once in 40 days/)
    // Noted while the clock was wrong.
    expect(told(ago(40), ago(-400))).toMatch(/not been compared once/)
    // Neither is there: on a node that was just installed.
    expect(neglected(`${now}\n`)).toBeUndefined()
    expect(neglectScript).toContain('/etc/systemd/system/tandem-compare.timer')
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
      /expected M1 to serve, because M2 takes the blocks of M1; .* switchover -- --trust M1 first/,
    ],
    [state(`cs:Connected ro:Secondary/Secondary ds:${whole}`, 16), /expected M1 to serve/],
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

describe('a planned move', () => {
  const state = (connection: string, disks: string, differ: number) =>
    parseProcDrbd(
      procDrbd([connection, 'Primary/Secondary', disks]).replace('oos:0', `oos:${differ}`),
      0,
    )
  const nodes = { serving: 'M1', standby: 'M2', returns: false }
  const [same, differs] = [state('Connected', whole, 0), state('Connected', whole, 16)]

  it.each([
    ['of a whole pair', same, undefined, undefined],
    ['of a whole pair with --trust', same, 'M2', /expected blocks that differ.* leave out --trust/],
    ['while blocks differ', differs, undefined, /differ in 16 KiB: .* switchover -- --trust M2/],
    ['to the node whose blocks are right', differs, 'M2', undefined],
    ['away from it', differs, 'M1', /M1 serves already: .*resync -- --victim M2/],
    [
      'during a resync',
      state('SyncSource', 'UpToDate/Inconsistent', 16),
      'M2',
      /expected Connected UpToDate/,
    ],
  ] as const)('%s', (_, status, trust, wanted) => {
    const got = moveObstacle(status, trust, nodes)
    if (wanted) expect(got).toMatch(wanted)
    else expect(got).toBeUndefined()
  })

  it('that the watch would take back is refused', () => {
    expect(moveObstacle(differs, 'M2', { ...nodes, returns: true })).toMatch(/autoFailback/)
  })
})
