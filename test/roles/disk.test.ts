import { createHash } from 'node:crypto'
import { closeSync, openSync, readFileSync, truncateSync, writeFileSync, writeSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { crc32 } from 'node:zlib'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import type { CheckHost, Host } from '../../lib/index.ts'
import {
  blankDisk,
  isConfirmed,
  isStillBlank,
  progressText,
  wasRead,
} from '../../roles/drbd/blank.ts'
import { type DiskState, diskState, parseFacts, parseWipefs } from '../../roles/drbd/disk.ts'
import { guardSize, judge, sizeText } from '../../roles/drbd/guard.ts'
import { superblockAt, usableSize } from '../../roles/drbd/on-disk.ts'
import { type Marker, markerPath, markerText, parseMarker } from '../../roles/shared/marker.ts'
import { here } from '../resources/host.ts'
import { loops, sh } from './loops.ts'

const mib = 1024 ** 2
const size = 24 * mib
let folder: string
const devices: string[] = []
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-disk-'))
})
afterEach(async () => {
  for (const device of devices.splice(0)) sh(`losetup -d ${device}`)
  await rm(folder, { recursive: true })
})

/** A disk of zeros on this machine: a loop device, and the file behind it. */
function disk(bytes = size): { device: string; image: string } {
  const image = join(folder, `disk-${devices.length}`)
  writeFileSync(image, '')
  truncateSync(image, bytes)
  const device = sh(`losetup -f --show ${image}`)
  devices.push(device)
  return { device, image }
}

/** Writes as a stranger does: through the device, down to the file. */
function poke(device: string, at: number, content: Buffer | string): void {
  const handle = openSync(device, 'r+')
  writeSync(handle, typeof content === 'string' ? Buffer.from(content) : content, 0, undefined, at)
  closeSync(handle)
  sh(`sync ${device}; blockdev --flushbufs ${device}`)
}

/** DRBD 8.4's internal metadata, as create-md and the kernel write it. */
function drbd(
  device: string,
  bytes: number,
  current: string,
  past: string[] = [],
  agreed = 0,
): void {
  const block = Buffer.alloc(4096)
  block.writeBigUInt64BE(BigInt(agreed / 512), 0)
  for (const [at, id] of [current, ...past].entries()) {
    block.writeBigUInt64BE(BigInt(`0x${id}`), 8 + 8 * at)
  }
  block.writeUInt32BE(0x8374026b, 60)
  poke(device, superblockAt(bytes), block)
}

const names = (device: string) => ({ host: 'M2', disk: device, minor: 0, peer: 'M1' })
const remembered = (state: DiskState, marker: Marker): DiskState => ({ ...state, marker })
const nobody = async (): Promise<DiskState> => {
  throw new Error('nobody was to be asked')
}
const hash = (image: string) => createHash('sha256').update(readFileSync(image)).digest('hex')
const [gen, older, foreign] = ['AAAAAAAAAAAAAAA2', 'BBBBBBBBBBBBBBB2', 'CCCCCCCCCCCCCCC2']

/** A partition table of the UEFI kind without partitions: the first of its two copies, the last, or both. */
function gpt(device: string, copies: readonly ('first' | 'last')[]): void {
  const last = size / 512 - 1
  const entries = Buffer.alloc(128 * 128)
  for (const copy of copies) {
    const [at, other, table] = copy === 'first' ? [1, last, 2] : [last, 1, last - 32]
    const head = Buffer.alloc(512)
    head.write('EFI PART')
    head.writeUInt32LE(0x00010000, 8)
    head.writeUInt32LE(92, 12)
    for (const [offset, block] of [
      [24, at],
      [32, other],
      [40, 34],
      [48, last - 33],
      [72, table],
    ] as const) {
      head.writeBigUInt64LE(BigInt(block), offset)
    }
    head.fill(0x5a, 56, 72)
    head.writeUInt32LE(128, 80)
    head.writeUInt32LE(128, 84)
    head.writeUInt32LE(crc32(entries), 88)
    head.writeUInt32LE(crc32(head.subarray(0, 92)), 16)
    poke(device, at * 512, head)
    poke(device, table * 512, entries)
  }
  if (!copies.includes('first')) return
  const protective = Buffer.alloc(512)
  protective[446 + 4] = 0xee
  protective.writeUInt32LE(1, 446 + 8)
  protective.writeUInt32LE(last, 446 + 12)
  protective.writeUInt16BE(0x55aa, 510)
  poke(device, 0, protective)
}

/** The label that `pvcreate` writes. */
function physicalVolume(device: string): void {
  const label = Buffer.alloc(512)
  label.write('LABELONE')
  label.writeBigUInt64LE(1n, 8)
  label.writeUInt32LE(32, 20)
  label.write('LVM2 001', 24)
  label.write('0123456789abcdefghijklmnopqrstuv', 32)
  poke(device, 512, label)
}

describe.runIf(loops)('a backing disk', { timeout: 30_000 }, () => {
  const host = here()
  const look = (device: string) => diskState(host, device)
  const read = (device: string, confirmed = false) =>
    blankDisk({ disk: device, minor: 0, marker: markerPath, peer: 'M1', confirmed })

  /** What preflight does with it: check, read, check again. */
  async function preflight(device: string, confirmed = false) {
    const task = read(device, confirmed)
    const found = await task.check(host)
    if (found) await task.apply(host as Host, found)
    return { found: found?.summary, again: await task.check(host) }
  }

  it('of zeros is read to its end, once', async () => {
    const { device } = disk()
    expect(wasRead(await look(device))).toBe(false)
    expect(await preflight(device)).toEqual({
      found: 'carries nothing known; all of it (24 MiB) is read before anything is written',
      again: undefined,
    })
    expect(wasRead(await look(device))).toBe(true)
    expect((await preflight(device)).found).toBeUndefined()
  })

  it('that was written to since is read again', async () => {
    const { device } = disk()
    await preflight(device)
    poke(device, 5 * mib, Buffer.alloc(4096))
    expect(wasRead(await look(device))).toBe(false)
    expect((await preflight(device)).found).toMatch(/is read before anything is written$/)
  })

  it.each([
    ['zeros with one byte, the first', 0, 'x', 0],
    ['zeros with one byte, the last', size - 1, 'x', size - 1],
    ['noise in the middle', 8 * mib + 17, Buffer.alloc(64 * 1024, 0x5a), 8 * mib + 17],
  ])('of %s is refused, untouched', async (_, at, content, byte) => {
    const { device, image } = disk()
    poke(device, at, content)
    const before = hash(image)
    await expect(preflight(device)).rejects.toThrow(
      `here: ${device} is not blank: it has no signature, but byte ${byte} of ${size} is not zero: Tandem does not overwrite data. If it is not needed, say so: npm run play site -- --overwrite here:${device}`,
    )
    expect(hash(image)).toBe(before)
    expect(wasRead(await look(device))).toBe(false)
  })

  it('with a filesystem whose head is damaged is refused, untouched', async () => {
    const { device, image } = disk()
    sh(`mke2fs -q -F -t ext4 ${device}`)
    poke(device, 0, Buffer.alloc(64 * 1024))
    const before = hash(image)
    expect((await look(device)).signatures).toEqual([])
    await expect(preflight(device)).rejects.toThrow(
      /is not blank: it has no signature, but byte \d+/,
    )
    expect(hash(image)).toBe(before)
  })

  it('of an encrypted volume without a header is refused as data', async () => {
    const { device } = disk()
    sh(`dd if=/dev/urandom of=${device} bs=1M count=24 conv=fsync 2>/dev/null`)
    await expect(preflight(device)).rejects.toThrow(/byte [0-9] of/)
  })

  it('that is reused and confirmed is not read, but a signature still counts', async () => {
    const { device, image } = disk()
    poke(device, 8 * mib, 'old')
    expect(await preflight(device, true)).toEqual({ found: undefined, again: undefined })
    sh(`mke2fs -q -F -t ext4 ${device}`)
    const before = hash(image)
    await expect(preflight(device, true)).rejects.toThrow(/already carries ext4/)
    expect(hash(image)).toBe(before)
  })

  it('that cannot be read to its end is no blank disk', async () => {
    const { device, image } = disk()
    const task = read(device)
    const found = await task.check(host)
    // The file behind it is cut off: reads beyond fail as on a bad disk.
    truncateSync(image, 4 * mib)
    await expect(found && task.apply(host as Host, found)).rejects.toThrow(
      /cannot be read to its end: .*Input\/output error/,
    )
    truncateSync(image, size)
    expect(wasRead(await look(device))).toBe(false)
  })

  it.each([
    ['ext4', (device: string) => sh(`mke2fs -q -F -t ext4 ${device}`), 'ext4'],
    ['a swap area', (device: string) => sh(`mkswap ${device}`), 'swap'],
    [
      'dm-crypt with a header',
      (device: string) => poke(device, 0, Buffer.from('4c554b53babe0001', 'hex')),
      'crypto_LUKS',
    ],
    [
      'a partition table',
      (device: string) => {
        const table = Buffer.alloc(512)
        table.writeUInt32LE(2048, 446 + 8)
        table.writeUInt32LE(8192, 446 + 12)
        table[446 + 4] = 0x83
        table.writeUInt16BE(0x55aa, 510)
        poke(device, 0, table)
      },
      'dos',
    ],
    ['a GPT', (device: string) => gpt(device, ['first', 'last']), 'gpt'],
    ['a GPT whose head is damaged', (device: string) => gpt(device, ['last']), 'gpt'],
    ['a physical volume of LVM', (device: string) => physicalVolume(device), 'LVM2_member'],
  ])('with %s is refused, untouched', async (_, make, type) => {
    const { device, image } = disk()
    make(device)
    const before = hash(image)
    await expect(preflight(device)).rejects.toThrow(new RegExp(`already carries .*${type}`))
    expect(hash(image)).toBe(before)
  })

  it('with DRBD metadata that nobody remembers is refused where the peer has none', async () => {
    const [mine, theirs] = [disk(), disk()]
    drbd(mine.device, size, gen)
    const state = await look(mine.device)
    expect(state.metadata?.generations.current).toBe(gen)
    await expect(judge(state, names(mine.device), () => look(theirs.device))).rejects.toThrow(
      /carries drbd that Tandem did not make: \/var\/lib\/tandem\/drbd-disk on M2 does not name .*adopt it as it is: mkdir -p \/var\/lib\/tandem && echo/,
    )
  })

  it("of another pair is told from the pair's own by its history", async () => {
    const [mine, theirs] = [disk(), disk()]
    drbd(theirs.device, size, gen, ['0', older], 20 * mib)
    drbd(mine.device, size, foreign)
    const judged = async () =>
      judge(await look(mine.device), names(mine.device), () => look(theirs.device))
    await expect(judged()).rejects.toThrow(
      /carries drbd of another pair: its history has nothing in common with that of the disk of M1/,
    )
    drbd(mine.device, size, older)
    expect(await judged()).toEqual({
      is: 'own',
      why: "is this pair's: its history is that of M1's disk",
    })
    // Metadata that was just made has no history at all.
    drbd(mine.device, size, '0000000000000004')
    drbd(theirs.device, size, '0000000000000004')
    await expect(judged()).rejects.toThrow(/that Tandem did not make/)
  })

  it('that is remembered is own; another disk of the same path is not', async () => {
    const { device } = disk()
    drbd(device, size, gen)
    const state = await look(device)
    const marker = { disk: device, identity: state.identity, size }
    expect(await judge(remembered(state, marker), names(device), nobody)).toEqual({ is: 'own' })
    const other = remembered(
      { ...state, identity: 'DM_UUID=LVM-new' },
      { ...marker, identity: 'DM_UUID=LVM-old' },
    )
    await expect(
      judge(other, names(device), async () => ({ ...state, metadata: undefined })),
    ).rejects.toThrow(
      /led to another disk when Tandem made DRBD's metadata \(then DM_UUID=LVM-old, now DM_UUID=LVM-new\)/,
    )
  })

  it('that has grown is own, and nobody is told to wipe it', async () => {
    const { device, image } = disk()
    sh(`mke2fs -q -F -t ext4 ${device} 20M`)
    drbd(device, size, gen, [], 23 * mib)
    truncateSync(image, 2 * size)
    sh(`losetup -c ${device}`)
    const state = await look(device)
    expect(state.signatures).toEqual(['ext4'])
    const marker = { disk: device, identity: state.identity, size }
    const { oldMetadata } = await withMarker(host, device, marker)
    expect(oldMetadata?.generations.current).toBe(gen)
    expect(await judge({ ...state, marker, oldMetadata }, names(device), nobody)).toEqual({
      is: 'own',
      why: 'has grown from 24 MiB to 48 MiB',
    })
    // While DRBD runs from it, nothing else has to be known.
    expect(await judge({ ...state, minor: 0 }, names(device), nobody)).toEqual({ is: 'own' })
  })

  it('that has shrunk, or lost its metadata, is named as that, and nobody is told to wipe it', async () => {
    const { device, image } = disk()
    sh(`mke2fs -q -F -t ext4 ${device} 12M`)
    drbd(device, size, gen, [], 23 * mib)
    truncateSync(image, 16 * mib)
    sh(`losetup -c ${device}`)
    const state = await look(device)
    const marker = { disk: device, identity: state.identity, size }
    const shrunk = judge(remembered(state, marker), names(device), nobody)
    await expect(shrunk).rejects.toThrow(
      /has shrunk from 24 MiB to 16 MiB: the part that is missing held the end of its data and DRBD's metadata\. Give .* its 24 MiB again/,
    )
    await expect(shrunk).rejects.not.toThrow(/wipefs/)
    const lost = judge(remembered(state, { ...marker, size: 16 * mib }), names(device), nobody)
    await expect(lost).rejects.toThrow(
      /is this pair's own and carries ext4, but DRBD's metadata is not at its end/,
    )
    await expect(lost).rejects.not.toThrow(/wipefs/)
  })

  it('whose size is no multiple of 4 KiB carries what DRBD made there, wherever others look', async () => {
    const odd = size + 5 * 512
    const { device } = disk(odd)
    drbd(device, odd, gen)
    const state = await look(device)
    expect(state.signatures).toEqual(['drbd'])
    const marker = { disk: device, identity: state.identity, size: odd }
    expect(await judge(remembered(state, marker), names(device), nobody)).toEqual({ is: 'own' })
    expect(usableSize(odd)).toBe(usableSize(size))
  })

  it("that carries the very filesystem of the peer's is never called foreign, and nobody is told to wipe it", async () => {
    const [mine, theirs] = [disk(), disk()]
    sh(
      `mke2fs -q -F -t ext4 ${mine.device} 20M; dd if=${mine.device} of=${theirs.device} bs=1M conv=fsync 2>/dev/null`,
    )
    drbd(theirs.device, size, gen)
    const peer = () => look(theirs.device)
    // Grown, and the note is lost.
    const grown = judge(await look(mine.device), names(mine.device), peer)
    await expect(grown).rejects.toThrow(
      /carries the same ext4 as the disk of M1, but no DRBD metadata/,
    )
    await expect(grown).rejects.not.toThrow(/wipefs/)
    // Both went on alone for so long that DRBD has forgotten what they had in common.
    drbd(mine.device, size, foreign)
    const strange = judge(await look(mine.device), names(mine.device), peer)
    await expect(strange).rejects.toThrow(
      /the same drbd and ext4 as the disk of M1, .* You must decide .*adopt/,
    )
    await expect(strange).rejects.not.toThrow(/wipefs/)
  })

  it("is kin of a peer's that has grown and still has its metadata at the old end", async () => {
    const [mine, theirs] = [disk(), disk()]
    drbd(mine.device, size, gen)
    drbd(theirs.device, size, gen, [], 23 * mib)
    const { metadata, ...grown } = await look(theirs.device)
    const peer = { ...grown, metadata: undefined, oldMetadata: metadata }
    expect((await judge(await look(mine.device), names(mine.device), async () => peer)).is).toBe(
      'own',
    )
    const small = await look(disk(16 * mib).device)
    expect(() => guardSize(small, peer, names('/dev/x'))).toThrow(/is too small/)
  })

  it('that is noted as own and shows nothing any more is not given up', async () => {
    const { device } = disk()
    poke(device, 8 * mib, 'data')
    const marker = { disk: device, identity: (await look(device)).identity, size }
    const noting = { ...host, $: asking(host, marker) } as Host
    const task = read(device)
    const found = await task.check(noting)
    await expect(found && task.apply(noting, found)).rejects.toThrow(
      /is noted as this pair's own disk.* its data may be the last copy, so Tandem does not overwrite it/,
    )
  })

  it('is looked at once more right before it is written to', async () => {
    const { device } = disk()
    expect(await isStillBlank(host, device, size)).toBe(true)
    poke(device, size - 1, 'x')
    expect(await isStillBlank(host, device, size)).toBe(false)
  })

  it("that is smaller than what the peer's holds is refused, both sizes named", async () => {
    const [mine, theirs] = [disk(16 * mib), disk()]
    drbd(theirs.device, size, gen, [], usableSize(size))
    const [here_, there] = await Promise.all([look(mine.device), look(theirs.device)])
    expect(() => guardSize(here_, there, names(mine.device))).toThrow(
      /is too small: it has 16 MiB, but the disk of M1 \(24 MiB\) holds 23\.\d\d MiB of data\. Expected a disk at least as large as that of M1/,
    )
    expect(() => guardSize(there, here_, names(mine.device))).not.toThrow()
    const same = await look(disk().device)
    expect(() => guardSize(same, there, names(mine.device))).not.toThrow()
  })

  it('that another DRBD minor uses is refused', async () => {
    const state = await look(disk().device)
    await expect(judge({ ...state, minor: 3 }, names('/dev/x'), nobody)).rejects.toThrow(
      /DRBD minor 3 uses \/dev\/x, and the inventory gives it to minor 0/,
    )
  })

  it('that is missing is refused', async () => {
    await expect(look('/dev/nowhere')).rejects.toThrow(/backing disk \/dev\/nowhere is missing/)
    await expect(look(folder)).rejects.toThrow(/is missing: expected a block device there/)
  })
})

/** The state of a disk on a host that remembers it so. */
function withMarker(host: CheckHost, device: string, marker: Marker): Promise<DiskState> {
  return diskState({ ...host, $: asking(host, marker) }, device)
}

function asking(host: CheckHost, marker: Marker): CheckHost['$'] {
  return ((pieces: TemplateStringsArray, ...values: unknown[]) =>
    pieces[0]?.startsWith('if [ -e ')
      ? host.$`printf %s ${markerText(marker)}`
      : host.$(pieces, ...values)) as CheckHost['$']
}

describe('what is known of a disk', () => {
  it('names it by what lasts, and tells who has it open', () => {
    const text = `size 1048576
stamp boot 253:0 7 88
property ID_SERIAL=abc
property DM_UUID=LVM-xyz
minor 2
`
    expect(parseFacts(text, 'M1', '/dev/x')).toEqual({
      size: 1048576,
      stamp: 'boot 253:0 7 88',
      identity: 'DM_UUID=LVM-xyz',
      minor: 2,
      metadata: undefined,
    })
    expect(() => parseFacts('', 'M1', '/dev/x')).toThrow(/M1: expected the size of \/dev\/x/)
  })

  it('throws on a line of wipefs it cannot read', () => {
    expect(() => parseWipefs('garbage')).toThrow(/cannot read/)
    expect(parseWipefs('# offset,uuid,label,type\n0x438,a0e2-11,,ext4\n')).toEqual({
      signatures: ['ext4'],
      uuids: ['a0e2-11'],
      content: 'a0e2-11',
    })
  })

  it('is remembered in words, by an administrator with the path alone', () => {
    const marker = { disk: '/dev/x', identity: 'ID_SERIAL=a b', size: 512 }
    expect(parseMarker(markerText(marker))).toEqual(marker)
    expect(parseMarker('/dev/x\n')).toEqual({
      disk: '/dev/x',
      identity: undefined,
      size: undefined,
    })
    expect(parseMarker('')).toBeUndefined()
  })

  it('is told in words', () => {
    expect(sizeText(560 * mib)).toBe('560 MiB')
    expect(sizeText(4 * 1024 ** 4)).toBe('4096.00 GiB')
    expect(sizeText(100)).toBe('100 bytes')
    expect(progressText(100 * mib, 1000 * mib, 1_000)).toBe(
      '100 MiB of 1000 MiB read, 100 MiB/s, 9 s left',
    )
    expect(progressText(mib, 4 * 1024 ** 4, 10)).toBe(
      '1 MiB of 4096.00 GiB read, 100 MiB/s, 11.7 h left',
    )
  })
})

describe('--overwrite', () => {
  const context = (overwrite?: string[], stateDisk?: string) =>
    ({
      host: { name: 'M2', vars: {} },
      others: [],
      vars: { drbd: { disk: '/dev/sdb', stateDisk }, overwrite },
    }) as never

  it('counts for the host and the disk that it names', () => {
    const disk = '/dev/sdb'
    expect(isConfirmed(context(), disk)).toBe(false)
    expect(isConfirmed(context(['M1:/dev/sdb']), disk)).toBe(false)
    expect(isConfirmed(context(['M1:/dev/sdb', 'M2:/dev/sdb']), disk)).toBe(true)
    expect(() => isConfirmed(context(['M2:/dev/sdc']), disk)).toThrow(
      'Expected --overwrite with a backing disk of M2 in the inventory (M2:/dev/sdb), got --overwrite M2:/dev/sdc',
    )
    const two = context(['M2:/dev/sdc'], '/dev/sdc')
    expect(isConfirmed(two, '/dev/sdb')).toBe(false)
    expect(isConfirmed(two, '/dev/sdc')).toBe(true)
    expect(() => isConfirmed(context(['M2:/dev/sdd'], '/dev/sdc'), disk)).toThrow(
      'Expected --overwrite with a backing disk of M2 in the inventory (M2:/dev/sdb or M2:/dev/sdc), got',
    )
  })
})
