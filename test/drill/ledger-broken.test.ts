import { cpSync, readFileSync, renameSync, rmSync, truncateSync, writeFileSync } from 'node:fs'
import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import {
  type Collected,
  check,
  collect,
  type Ledger,
  parseLedger,
  stopLedger,
} from '../../lib/drill/ledger/index.ts'
import { begun, contentOf, folder, here, still, written, wrote } from './ledger-host.ts'

const host = here()
let ledger: Ledger & Collected
let copy: string

/** A checker that never fails proves nothing: each of these breaks one thing and must be named. */
describe('a checker that can fail', () => {
  beforeAll(async () => {
    ledger = await written({}, 50)
  })
  beforeEach(() => {
    copy = folder()
    cpSync(ledger.directory, copy, { recursive: true })
    return () => rmSync(copy, { recursive: true })
  })

  const lost = async () => {
    const verdict = await check(host, ledger, { directory: copy, dropCaches: false })
    return verdict.lost.map((sentence) => sentence.replace(`, in ${copy}`, ''))
  }
  const read = (name: string) => readFileSync(`${copy}/${name}`, 'latin1')
  const write = (name: string, text: string) => writeFileSync(`${copy}/${name}`, text, 'latin1')
  const last = (work: string, of = 1, rest = 0) =>
    ledger.operations.findLast(({ writer, sequence }) => writer === work && sequence % of === rest)
      ?.sequence ?? 0

  it('finds nothing in an unbroken copy', async () => {
    expect(last('overwrite')).toBeGreaterThan(48)
    expect(await lost()).toEqual([])
  })

  it('names a file that is gone', async () => {
    rmSync(`${copy}/create-3`)
    expect(await lost()).toEqual(['create-3: expected create 3, got nothing (ENOENT)'])
  })

  it('names a file cut short, and one that is empty', async () => {
    truncateSync(`${copy}/create-3`, 4096)
    truncateSync(`${copy}/create-5`, 0)
    expect(await lost()).toEqual([
      expect.stringMatching(
        /^create-3: expected create 3, got 4096 of 8192 bytes, not whole, beginning '\S+ create 3 1\/64/,
      ),
      'create-5: expected create 5, got nothing (end of file)',
    ])
  })

  it('names files whose contents were swapped', async () => {
    renameSync(`${copy}/create-3`, `${copy}/aside`)
    renameSync(`${copy}/create-4`, `${copy}/create-3`)
    renameSync(`${copy}/aside`, `${copy}/create-4`)
    expect(await lost()).toEqual([
      'create-3: expected create 3, got create 4',
      'create-4: expected create 4, got create 3',
    ])
  })

  it('names a file of the right length that is zero, or has one byte wrong', async () => {
    write('create-3', '\0'.repeat(8192))
    const [text, at] = [read('create-4'), 5000]
    write('create-4', `${text.slice(0, at)}!${text.slice(at + 1)}`)
    expect(await lost()).toEqual([
      'create-3: expected create 3, got all zero',
      expect.stringMatching(/^create-4: expected create 4, got not whole/),
    ])
  })

  it('names the content of another run', async () => {
    write('create-3', await contentOf('earlier', 'create', 3))
    expect(await lost()).toEqual(['create-3: expected create 3, got create 3 of run earlier'])
  })

  it('names the last appended record, dropped', async () => {
    const n = last('append')
    truncateSync(`${copy}/append`, (n - 1) * 1024)
    expect(await lost()).toEqual([
      `append at byte ${(n - 1) * 1024}: expected append ${n}, got nothing (end of file)`,
    ])
  })

  it('names the one record that is missing in the middle', async () => {
    const text = read('append')
    write('append', text.slice(0, 5 * 1024) + text.slice(6 * 1024))
    expect(await lost()).toEqual(['append at byte 5120: expected append 6, got append 7'])
  })

  it('names a record torn in the middle, put there twice, or in the wrong order', async () => {
    const text = read('append')
    const record = (n: number) => text.slice((n - 1) * 1024, n * 1024)
    write('append', `${text.slice(0, 5600)}${'\0'.repeat(544)}${text.slice(6144)}`)
    expect(await lost()).toEqual([
      expect.stringMatching(/^append at byte 5120: expected append 6, got not whole/),
    ])
    write('append', text.slice(0, 6 * 1024) + record(6) + text.slice(6 * 1024))
    expect(await lost()).toEqual(['append at byte 6144: expected append 7, got append 6'])
    write('append', text.slice(0, 5 * 1024) + record(7) + record(6) + text.slice(7 * 1024))
    expect((await lost())[0]).toBe('append at byte 5120: expected append 6, got append 7')
  })

  it('names what nobody appended', async () => {
    write('append', read('append') + (await contentOf(ledger.run, 'append', 100_000)))
    const n = last('append')
    expect(await lost()).toEqual([
      `append at byte ${n * 1024}: expected the end or a record begun after append ${n}, got append 100000`,
    ])
  })

  it('names an old version of a slot', async () => {
    const n = last('overwrite', 16, 5)
    const text = read('overwrite')
    const old = await contentOf(ledger.run, 'overwrite', n - 16)
    write('overwrite', text.slice(0, 5 * 4096) + old + text.slice(6 * 4096))
    expect(await lost()).toEqual([
      `overwrite at byte 20480: expected overwrite ${n}, got overwrite ${n - 16}`,
    ])
  })

  it('names a slot that is half an old one', async () => {
    const n = last('overwrite', 16, 5)
    const text = read('overwrite')
    const old = await contentOf(ledger.run, 'overwrite', n - 16)
    write('overwrite', text.slice(0, 5 * 4096) + old.slice(0, 512) + text.slice(5 * 4096 + 512))
    expect(await lost()).toEqual([
      expect.stringMatching(`^overwrite at byte 20480: expected overwrite ${n}, got not whole`),
    ])
  })

  it('names a stale target of a rename, and one that is gone', async () => {
    const n = last('rename', 4, 1)
    write('rename-1', await contentOf(ledger.run, 'rename', n - 4))
    rmSync(`${copy}/rename-2`)
    expect(await lost()).toEqual([
      `rename-1: expected rename ${n}, got rename ${n - 4}`,
      `rename-2: expected rename ${last('rename', 4, 2)}, got nothing (ENOENT)`,
    ])
  })

  it('names what was written under a lock, and a file that was there at the start', async () => {
    write('lock', await contentOf(ledger.run, 'lock', last('lock') - 1))
    write('held', await contentOf(ledger.run, 'held', 1))
    rmSync(`${copy}/read-0`)
    expect(await lost()).toEqual([
      'read-0: expected read 0, got nothing (ENOENT)',
      `lock: expected lock ${last('lock')}, got lock ${last('lock') - 1}`,
      'held: expected held 2, got held 1',
    ])
  })

  it('misses every write in an empty directory', async () => {
    const verdict = await check(host, ledger, { directory: `${copy}/none`, dropCaches: false })
    const creates = ledger.operations.filter(({ writer }) => writer === 'create').length
    const appends = ledger.operations.filter(({ writer }) => writer === 'append').length
    expect(verdict.lost).toHaveLength(creates + appends + 16 + 4 + 4 + 2)
  })

  it('does not take a ledger that arrived half', async () => {
    const half = { ...ledger, text: ledger.text.slice(0, ledger.text.lastIndexOf('H ')) }
    await expect(check(host, half, { directory: copy, dropCaches: false })).rejects.toThrow(
      /here: expected \d+ acknowledged writes to be checked, got \d+/,
    )
    const strange = { ...ledger, text: `${ledger.text}what is this\n` }
    await expect(check(host, strange, { directory: copy, dropCaches: false })).rejects.toThrow(
      "expected a line of a ledger, got 'what is this'",
    )
    expect(() => parseLedger('H a create 0 1.0\nE 1 1.0 ok\n')).toThrow("got 'E 1 1.0 ok'")
  })
})

it('finds what a filesystem loses that lied: a copy from before the last acknowledgements', async () => {
  const under = await begun()
  await wrote(under, 10)
  const early = folder()
  await still(under, () => cpSync(under.directory, early, { recursive: true }))
  // Each slot of the overwritten file is written anew.
  await wrote(under, 60)
  await stopLedger(host, under)
  const all = await collect(host, under)
  const verdict = await check(host, all, { directory: early, dropCaches: false })
  for (const file of ['create-', 'append at', 'overwrite at', 'rename-', 'lock:', 'held:'])
    expect(verdict.lost).toContainEqual(expect.stringMatching(`^${file}`))
  expect((await check(host, all, { ...under, dropCaches: false })).lost).toEqual([])
})
