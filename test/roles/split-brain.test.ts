import { describe, expect, it } from 'vitest'
import type { Holding } from '../../roles/cluster/index.ts'
import { type DiskReport, kinship, splitBrain } from '../../roles/drbd/split-brain.ts'
import { parseGenerations, parseProcDrbd } from '../../roles/drbd/status.ts'
import { parseCompared } from '../../roles/recover/save.ts'
import { follows, hasToMove, hasToStart, obstacle, type Side } from '../../roles/recover/sides.ts'
import { whatToDo } from '../../roles/verify/cluster.ts'

const zero = '0000000000000000'
const gi = (...ids: string[]) =>
  parseGenerations(`${[0, 1, 2, 3].map((at) => ids[at] ?? zero).join(':')}:1:1:0:1:0:0:0`)
const [a, b, c, d] = [
  'AAAAAAAAAAAAAAA0',
  'BBBBBBBBBBBBBBB0',
  'CCCCCCCCCCCCCCC0',
  'DDDDDDDDDDDDDDD0',
]
const [e, f] = ['EEEEEEEEEEEEEEE0', 'FFFFFFFFFFFFFFF0']

describe('generations of two disks', () => {
  it.each([
    ['the same, one of them Primary', gi(a), gi('AAAAAAAAAAAAAAA1'), 'same'],
    ['the peer went on alone', gi(a), gi(b, a), 'older'],
    ['I went on alone', gi(b, a), gi(a), 'newer'],
    ['the peer went on twice', gi(a), gi(c, b, a), 'older'],
    ['both went on alone', gi(b, a), gi(c, a), 'diverged'],
    ['both, one of them Primary', gi('BBBBBBBBBBBBBBB1', a), gi(c, a), 'diverged'],
    ['both, and one once more', gi(b, a), gi(d, c, a), 'diverged'],
    ['never one pair', gi(a), gi(b), 'unrelated'],
  ])('%s', (_, mine, theirs, wanted) => {
    expect(kinship(mine, theirs)).toBe(wanted)
  })
})

const report = (name: string, state: string, generations = gi(a)): DiskReport => ({
  name,
  status: parseProcDrbd(`version: 8.4.11 (api:1)\n\n 0: cs:${state} C r-----\n    ns:0 oos:8\n`, 0),
  generations,
})
const alone = (name: string, role: string, cs = 'StandAlone', generations = gi(a)) =>
  report(name, `${cs} ro:${role}/Unknown ds:UpToDate/DUnknown`, generations)

describe('a split brain', () => {
  it.each([
    [
      'both written',
      alone('M1', 'Primary', 'StandAlone', gi(b, a)),
      alone('M2', 'Secondary', 'WFConnection', gi(c, a)),
      /M1 .* and M2 .* were each written without the other/,
    ],
    [
      'both Primary, nothing written yet',
      alone('M1', 'Primary'),
      alone('M2', 'Primary'),
      /both Primary/,
    ],
    [
      'one went on while the other was away',
      alone('M1', 'Primary', 'WFConnection', gi(b, a)),
      alone('M2', 'Secondary', 'WFConnection'),
      undefined,
    ],
    ['an administrator disconnected', alone('M1', 'Primary'), alone('M2', 'Secondary'), undefined],
    [
      'a pair that replicates',
      report('M1', 'Connected ro:Primary/Secondary ds:UpToDate/UpToDate', gi(b, a)),
      report('M2', 'Connected ro:Secondary/Primary ds:UpToDate/UpToDate', gi(c, a)),
      undefined,
    ],
  ])('%s', (_, one, two, wanted) => {
    const found = splitBrain(one, two)
    if (wanted) expect(found).toMatch(wanted)
    else expect(found).toBeUndefined()
  })

  it('is one where a promotion by force made the node forget what both had, and the filesystem is the same', () => {
    // As seen in the lab: two new generations at once, and DRBD's own word for it was split brain.
    const one = alone('M1', 'Primary', 'StandAlone', gi(b, a))
    const two = alone('M2', 'Secondary', 'StandAlone', gi(d, c))
    const uuids = ['0b6b6fa6-6e0b-4a9f-a64e-57a8a1b0b7a1']
    expect(splitBrain({ ...one, uuids }, { ...two, uuids })).toMatch(/were each written without/)
    expect(splitBrain({ ...one, uuids }, { ...two, uuids: ['another'] })).toBeUndefined()
    expect(splitBrain(one, two)).toBeUndefined()
    // DRBD calls disks whose whole past differs unrelated, and no victim can follow then.
    const far = (base: DiskReport, ...ids: string[]) => ({
      ...base,
      uuids,
      generations: gi(...ids),
    })
    expect(
      splitBrain(far(one, a, b, c, d), far(two, e, f, '1111111111111110', '2222222222222220')),
    ).toBeUndefined()
  })

  it('names the command with the node that does not serve', () => {
    const nodes = [{ name: 'M1' }, { name: 'M2' }]
    expect(whatToDo(nodes, [true, false])).toMatch(/-- --victim M2$/)
    expect(whatToDo(nodes, [false, true])).toMatch(/-- --victim M1$/)
    expect(whatToDo(nodes, [true, true])).toMatch(/^Both serve: repair the lines/)
  })
})

describe('the victim of a split brain', () => {
  const side = (base: DiskReport, holds: Holding, mounted: boolean): Side => ({
    ...base,
    holds,
    mounted,
  })
  const survivor = side(alone('M1', 'Primary', 'StandAlone', gi(b, a)), 'all', true)
  const victim = side(alone('M2', 'Secondary', 'StandAlone', gi(c, a)), 'none', false)
  const idle = side(alone('M1', 'Secondary', 'StandAlone', gi(b, a)), 'none', false)

  it('may be given up where it serves nobody', () => {
    expect(obstacle(victim, survivor, 'M1')).toBeUndefined()
  })

  it.each([
    ['no split brain', { ...victim, generations: gi(a) }, survivor, /no split brain/],
    [
      'the victim serves',
      side(alone('M2', 'Primary', 'StandAlone', gi(c, a)), 'all', true),
      survivor,
      /M2 serves the clients now, and M1 .* cannot/,
    ],
    [
      'its disk is in use',
      { ...victim, status: { ...victim.status, role: 'Primary' } },
      survivor,
      /someone uses its disk/,
    ],
    ['nobody serves', victim, { ...survivor, holds: 'none' as Holding }, /M1 does not serve/],
    [
      'heartbeat only believes that the survivor serves',
      victim,
      { ...idle, holds: 'all' as Holding },
      /M1 does not serve .*Secondary.*the share is not mounted, heartbeat says all/,
    ],
    ['the share is not mounted', victim, { ...survivor, mounted: false }, /M1 does not serve/],
    [
      'the survivor is not current',
      victim,
      { ...survivor, status: { ...survivor.status, disk: 'Inconsistent' } },
      /must be UpToDate/,
    ],
    [
      'heartbeat restarts',
      victim,
      { ...survivor, holds: 'stopped' as Holding },
      /heartbeat does not run on M1/,
    ],
    [
      'heartbeat moves',
      { ...victim, holds: 'transition' as Holding },
      survivor,
      /taking or giving up the service/,
    ],
  ])('is refused: %s', (_, one, two, wanted) => {
    expect(obstacle(one, two, 'M1')).toMatch(wanted)
  })

  it('makes the service move first where the victim serves, and start where nobody does', () => {
    const serving = side(alone('M2', 'Primary', 'StandAlone', gi(c, a)), 'all', true)
    expect(hasToMove(serving, idle, 'M1')).toBe(true)
    expect(hasToStart(serving, idle)).toBe(false)
    expect(hasToMove(victim, idle, 'M1')).toBe(false)
    expect(hasToStart(victim, idle)).toBe(true)
    // After a start that failed heartbeat may still believe that a node has the service.
    expect(hasToStart({ ...victim, holds: 'all' }, idle)).toBe(true)
    expect(hasToStart(victim, { ...idle, holds: 'transition' })).toBe(false)
    expect(hasToStart(victim, survivor)).toBe(false)
    const torn = { ...idle, status: { ...idle.status, disk: 'Inconsistent' } }
    expect(hasToStart(victim, torn)).toBe(false)
    expect(hasToMove(serving, torn, 'M1')).toBe(false)
  })

  it('follows already where a run was killed after that', () => {
    const at = (state: string) => side(report('M2', state), 'none', false)
    expect(follows(at('SyncTarget ro:Secondary/Primary ds:Inconsistent/UpToDate'), survivor)).toBe(
      true,
    )
    expect(follows(at('Connected ro:Secondary/Primary ds:UpToDate/UpToDate'), survivor)).toBe(true)
    expect(follows(victim, survivor)).toBe(false)
  })

  it('what differs is read from one line, and anything else is an error', () => {
    expect(parseCompared('differ 3 bytes 12288 moved 1 theirs 7\n')).toEqual({
      differing: 3,
      bytes: 12_288,
      moved: 1,
      theirs: 7,
    })
    expect(() => parseCompared('find: error')).toThrow(/expected counts/)
  })
})
