import { readFileSync, writeFileSync } from 'node:fs'
import { beforeEach, describe, expect, it } from 'vitest'
import { topology } from '../../inventory/topology.ts'
import { labPaths } from '../../lib/lab/index.ts'
import { labFiles } from '../../lib/lab/model/lab-options.ts'
import { diskHash, picture } from './state.ts'
import { complaints, lab, on, play, story } from './tandem.ts'

const disk = '/dev/mapper/VolGroup-lv_drbd'
const stateDisk = '/dev/mapper/VolGroup-lv_state'

describe('site refuses, with exit code 4 and both nodes as they were,', () => {
  beforeEach(async () => {
    const reset = await lab('reset', 'clean')
    expect(reset.code, reset.stderr).toBe(0)
  })

  it.each([
    ['a disk with an ext4 filesystem', `mke2fs -q -t ext4 ${disk}`, /already carries ext4/],
    [
      'a disk with an LVM volume on it',
      `pvcreate -qq --config devices/scan_lvs=1 ${disk}`,
      /already carries LVM2_member/,
    ],
    [
      'a disk with data that has no signature',
      `dd if=/dev/urandom of=${disk} bs=1M seek=8 count=2 conv=fsync status=none`,
      /is not blank: it has no signature, but byte \d+ of 536870912 is not zero/,
    ],
    [
      "a filesystem on the disk for the service's own state",
      `mke2fs -q -t ext4 ${stateDisk}`,
      /lv_state already carries ext4/,
    ],
    [
      'data without a signature on that disk',
      `dd if=/dev/urandom of=${stateDisk} bs=1M seek=3 count=1 conv=fsync status=none`,
      /lv_state is not blank: it has no signature, but byte \d+ of 33554432 is not zero/,
    ],
    ['a missing disk', 'lvrename -qq VolGroup lv_drbd lv_other', /is missing/],
    [
      'a node whose address is not as planned',
      'ip addr del 172.16.100.211/24 dev em3',
      /expected 172\.16\.100\.211\/24 on em3, got no address/,
    ],
  ])('%s', async (_, make, named) => {
    await on('M2', make)
    const kept = make.includes(stateDisk) ? stateDisk : disk
    const device = make.startsWith('lvrename') ? '/dev/mapper/VolGroup-lv_other' : kept
    const hash = await diskHash('M2', device)
    const before = await Promise.all(['M1', 'M2'].map(picture))
    const run = await play(['site'])
    expect(run.code, story(run)).toBe(4)
    expect(complaints(run)).toHaveLength(1)
    expect(complaints(run)[0]).toMatch(/^M2 /)
    expect(complaints(run)[0]).toMatch(named)
    expect(await diskHash('M2', device)).toBe(hash)
    expect(await Promise.all(['M1', 'M2'].map(picture))).toEqual(before)
  })
})

it('a disk that DRBD runs from is never foreign, whatever the node remembers', async () => {
  const reset = await lab('reset', 'converged')
  expect(reset.code, reset.stderr).toBe(0)
  const note = await on('M2', 'cat /var/lib/tandem/drbd-disk')
  await on('M2', 'rm /var/lib/tandem/drbd-disk')
  const run = await play(['site', '--limit', 'nodes'])
  expect(run.code, story(run)).toBe(0)
  // What was under the metadata when it was made is known to nobody now.
  expect(await on('M2', 'cat /var/lib/tandem/drbd-disk')).toBe(note.replace('made read\n', ''))
})

describe('a pair with power switches', () => {
  beforeEach(async () => {
    const reset = await lab('reset', 'converged')
    expect(reset.code, reset.stderr).toBe(0)
  })

  it('is left as it is where one of them does not answer', async () => {
    await lab('cut', 'bmc-M2')
    const before = await Promise.all(['M1', 'M2'].map(picture))
    const run = await play(['site'])
    expect(run.code, story(run)).toBe(4)
    expect(complaints(run)).toHaveLength(1)
    expect(complaints(run)[0]).toMatch(
      /^M1 preflight: power switch of M2 answers: .* does not answer: expected its power status/,
    )
    expect(await Promise.all(['M1', 'M2'].map(picture))).toEqual(before)
    const told = await play(['verify'])
    expect(complaints(told).join('\n')).toMatch(/M1 .*power switch of M2 .*does not answer/)
  })

  it('is left as it is where one of them has another password than the inventory says', async () => {
    const files = labFiles({ ...labPaths(process.env), topology })
    const known = readFileSync(files.lab, 'utf8')
    const before = await Promise.all(['M1', 'M2'].map(picture))
    const { bmc, ...rest } = JSON.parse(known)
    const wrong = { ...bmc, M2: { ...bmc.M2, password: 'not-the-one' } }
    try {
      writeFileSync(files.lab, JSON.stringify({ ...rest, bmc: wrong }))
      const run = await play(['site'])
      expect(run.code, story(run)).toBe(4)
      expect(complaints(run)).toHaveLength(1)
      expect(complaints(run)[0]).toMatch(
        /^M1 preflight: power switch of M2 answers: .* refuses the user or the password of the inventory: expected its power status/,
      )
      expect(run.stdout + run.stderr).not.toContain('not-the-one')
      expect(await Promise.all(['M1', 'M2'].map(picture))).toEqual(before)
    } finally {
      writeFileSync(files.lab, known)
    }
  })

  it('takes no word for it that a node is off which answers', async () => {
    const run = await play(['confirm-off', 'M2', '--confirm', 'M2'])
    expect(run.code, story(run)).toBe(4)
    expect(complaints(run)).toHaveLength(1)
    expect(complaints(run)[0]).toMatch(
      /^M1 confirm-off: M2 does not answer: M1: M2 answers ping .*, sends heartbeats, has power/,
    )
    await on('M1', '! [ -e /run/tandem/peer-off ]')
  })
})
