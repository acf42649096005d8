import { spawnSync } from 'node:child_process'
import { mkdtempSync, readFileSync, truncateSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CheckHost } from '../../lib/index.ts'
import { blankDisk } from '../../roles/drbd/blank.ts'
import { type DiskState, diskState } from '../../roles/drbd/disk.ts'
import { filesystem } from '../../roles/drbd/filesystem.ts'
import { judge } from '../../roles/drbd/guard.ts'
import { filesystemNoted } from '../../roles/drbd/metadata.ts'
import { here } from '../resources/host.ts'
import { procDrbd } from './host-around.ts'
import { loops, sh } from './loops.ts'

describe.runIf(loops)("a disk of the pair's own that shows nothing any more", () => {
  const folder = mkdtempSync(join(tmpdir(), 'tandem-lost-'))
  const marker = join(folder, 'marker')
  let disk: string
  beforeEach(() => {
    const image = join(folder, 'disk')
    writeFileSync(image, '')
    truncateSync(image, 24 * 1024 ** 2)
    disk = sh(`losetup -f --show ${image}`)
  })
  afterEach(() => sh(`losetup -d ${disk}`))

  const volume = () => ({
    ...{ resource: 'drbd', minor: 0, device: '/dev/drbd0', port: 7789, disk, marker },
    filesystem: 'ext4' as const,
  })
  /** This machine, whose peer has DRBD in one state. */
  const beside = (disks?: string): CheckHost => {
    const host = here()
    const text = disks === undefined ? '' : procDrbd(['Connected', 'Primary/Secondary', disks])
    const asked = (pieces: TemplateStringsArray, ...values: unknown[]) =>
      pieces[0]?.includes('/proc/drbd') ? host.$`printf %s ${text}` : host.$(pieces, ...values)
    const peer = { ...host, name: 'M1', $: asked as CheckHost['$'] }
    return { ...host, peer: () => peer }
  }
  const note = (...lines: string[]) =>
    writeFileSync(marker, `${[disk, ...lines].join('\n')}\n`, { flag: 'w' })
  const uuid = '6f0e2b1c-0000-4000-8000-000000000001'

  it('is noted with its filesystem while it has one, once', async () => {
    sh(`mke2fs -q -F -U ${uuid} -t ext4 ${disk} 12M`)
    note('made read')
    const task = filesystemNoted(volume())
    const host = here()
    const found = await task.check(host)
    expect(found?.summary).toBe(`names ${uuid}`)
    if (found) await task.apply(host, found)
    expect(readFileSync(marker, 'utf8')).toBe(`${disk}\nmade read\nfilesystem ${uuid}\n`)
    expect(await task.check(host)).toBeUndefined()
  })

  it('gets no new filesystem', async () => {
    sh(`mke2fs -q -F -U ${uuid} -t ext4 ${disk} 12M`)
    note(`filesystem ${uuid}`)
    const task = filesystem(volume(), 'M1')
    /** This machine, where DRBD has the disk open. */
    const used = (): CheckHost => {
      const host = here()
      const asked = (pieces: TemplateStringsArray, ...values: unknown[]) => {
        if (!pieces.join('').includes(' facts ')) return host.$(pieces, ...values)
        const facts = spawnSync('sh', ['-c', String(values[1]), 'facts', disk], {
          encoding: 'utf8',
        })
        return host.$`printf %s ${`${facts.stdout}minor 0\n`}`
      }
      return { ...host, $: asked as CheckHost['$'] }
    }
    expect(await task.check(used())).toBeUndefined()
    // Its head alone: nothing is seen of it, and all files are there.
    sh(`dd if=/dev/zero of=${disk} bs=64k count=1 conv=notrunc,fsync 2>/dev/null`)
    expect((await diskState(here(), disk)).signatures).toEqual([])
    await expect(task.check(used())).rejects.toThrow(
      /had ext4 6f0e.* and shows no filesystem any more: its head is damaged.*e2fsck/,
    )
    // A blank disk in its place is judged where DRBD's metadata is made.
    expect((await task.check(here()))?.summary).toBe('no filesystem yet')
    note('made read')
    expect((await task.check(used()))?.summary).toBe('no filesystem yet')
  })

  it('is overwritten only while its peer has the data', async () => {
    const task = (marked = marker) =>
      blankDisk({ disk, minor: 0, marker: marked, peer: 'M1', confirmed: true })
    note(`filesystem ${uuid}`)
    for (const [disks, got] of [
      [undefined, 'Unconfigured'],
      ['Inconsistent/UpToDate', 'Connected'],
    ] as const) {
      await expect(task().check(beside(disks))).rejects.toThrow(
        new RegExp(`may be the last copy. Expected DRBD UpToDate on M1 .* got ${got}`),
      )
    }
    expect(await task().check(beside('UpToDate/DUnknown'))).toBeUndefined()
    // Nothing was on it yet: a run that was killed after its note.
    note('made confirmed')
    expect(await task().check(beside())).toBeUndefined()
    expect(await task(join(folder, 'nothing')).check(beside())).toBeUndefined()
  })
})

describe("another disk with this pair's history", () => {
  const generations = { current: 'AAAAAAAAAAAAAAA2', bitmap: '0', history: [] }
  const state = (identity: string | undefined, before: string | undefined): DiskState =>
    ({
      ...{ signatures: ['ext4', 'drbd'], uuids: ['x'], content: 'x', size: 1, stamp: '' },
      ...{ identity, minor: undefined, oldMetadata: undefined },
      metadata: { generations, agreedSize: 1 },
      marker: { disk: '/dev/x', identity: before, size: 1 },
    }) as unknown as DiskState
  const judged = (identity: string | undefined, before: string | undefined) => {
    const found = state(identity, before)
    return judge(found, { host: 'M2', disk: '/dev/x', minor: 0, peer: 'M1' }, async () => found)
  }

  it('is a copy, and is refused with both ways out', async () => {
    await expect(judged('DM_UUID=LVM-new', 'DM_UUID=LVM-old')).rejects.toThrow(
      /is another disk than the one that was noted .*If M1 has the data: clear \/dev\/x .*If \/dev\/x is the last copy: echo \/dev\/x > \/var\/lib\/tandem\/drbd-disk on M2/,
    )
  })

  it.each([
    ['DM_UUID=LVM-one', 'DM_UUID=LVM-one'],
    // A newer udev has another word for it.
    ['ID_WWN=1', 'ID_SERIAL=2'],
    ['ID_WWN=1', undefined],
    [undefined, undefined],
  ])('%s, noted as %s, is the disk itself', async (identity, before) => {
    expect((await judged(identity, before)).is).toBe('own')
  })
})
