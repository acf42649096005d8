import type { Generations } from './status.ts'

/** DRBD's metadata as it stands in the last 4 KiB block of a disk with internal metadata (DRBD 8.4, "v08"). */
export interface OnDisk {
  /** Bytes that DRBD replicates of this disk, as both nodes last agreed; 0 where they never met. */
  readonly agreedSize: number
  readonly generations: Generations
}

/** Where internal metadata begins on a disk of so many bytes. */
export const superblockAt = (size: number): number => Math.floor(size / 4096) * 4096 - 4096

/** How many bytes a disk of so many bytes leaves for data: a bit for 4 KiB, 32 KiB of log, one block. */
export function usableSize(size: number): number {
  const sectors = Math.floor(size / 4096) * 8
  const metadata = Math.ceil(sectors / 2 ** 18) * 8 + 72
  return Math.max(0, sectors - metadata) * 512
}

const magic = new Set(['8374026b', '8374026c'])

/**
 * Reads `od -An -v -tx1` of that block (drbd_int.h, `struct meta_data_on_disk`); undefined where it is no
 * metadata.
 */
export function parseOnDisk(text: string): OnDisk | undefined {
  const hex = text.replaceAll(/\s+/g, '')
  const at = (byte: number, bytes: number) => hex.slice(byte * 2, (byte + bytes) * 2)
  if (!magic.has(at(60, 4))) return undefined
  const [current = '', bitmap = '', first = '', second = ''] = [8, 16, 24, 32].map((byte) =>
    at(byte, 8).toUpperCase(),
  )
  return {
    agreedSize: Number(BigInt(`0x${at(0, 8)}`)) * 512,
    generations: { current, bitmap, history: [first, second] },
  }
}
