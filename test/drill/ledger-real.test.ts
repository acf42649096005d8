import { spawnSync } from 'node:child_process'
import { setTimeout as sleep } from 'node:timers/promises'
import { afterEach, describe, expect, it } from 'vitest'
import {
  check,
  collect,
  type LedgerOperation,
  stallsOf,
  stopLedger,
  type Writer,
} from '../../lib/drill/ledger/index.ts'
import { begun, folder, here, noted, sh, stopAll, wrote } from './ledger-host.ts'

const host = here()
const root = process.getuid?.() === 0
const can = (script: string) => root && spawnSync('/bin/sh', ['-c', script]).status === 0
const loops = can(
  'f=$(mktemp) && truncate -s 8M $f && mkfs.ext4 -q $f && d=$(mktemp -d) && mount -o loop $f $d && umount $d',
)
const memory = can('d=$(mktemp -d) && mount -t tmpfs tandem $d && umount $d')

const mounted: string[] = []
afterEach(async () => {
  await stopAll()
  for (const place of mounted.splice(0).reverse()) await sh(`umount ${place}`)
})

async function mount(words: string): Promise<string> {
  const place = folder()
  await sh(`mount ${words} ${place}`)
  mounted.push(place)
  return place
}

describe.runIf(memory)('a filesystem in memory', () => {
  it('that is full gives ENOSPC to new files and loses nothing', async () => {
    const place = await mount('-t tmpfs -o size=1500k tandem')
    const ledger = await begun({ directory: `${place}/ledger` })
    await noted(ledger, (own) => own('create').some(({ error }) => error === 'ENOSPC'))
    await stopLedger(host, ledger)
    const collected = await collect(host, ledger)
    const options = { directory: ledger.directory, dropCaches: false }
    const strict = await check(host, collected, options)
    expect(strict.lost).toEqual([])
    expect(strict.clientErrors[0]).toMatch(
      /^create \d+: expected ok, got ENOSPC at (open|write) after \d+\.\d s$/,
    )
    const lenient = await check(host, collected, { ...options, expectedErrors: ['ENOSPC'] })
    expect(lenient.clientErrors).toEqual([])
  })

  it('that turns read-only gives EROFS', async () => {
    const place = await mount('-t tmpfs -o size=50m tandem')
    const ledger = await begun({ directory: `${place}/ledger`, works: ['create'] })
    await sh(`mount -o remount,ro ${place}`)
    await noted(ledger, (own) => own('create').some(({ error }) => error === 'EROFS'))
    await stopLedger(host, ledger)
    const verdict = await check(host, await collect(host, ledger), {
      directory: ledger.directory,
      dropCaches: false,
    })
    expect(verdict.lost).toEqual([])
    expect(verdict.clientErrors[0]).toMatch(/got EROFS at open/)
  })
})

const writing = ['create', 'append', 'overwrite', 'rename', 'lock'] as const
const waiting = (own: (writer: Writer) => readonly LedgerOperation[]) =>
  writing.every((writer) => own(writer).at(-1)?.outcome === 'indeterminate')

describe.runIf(loops)('a filesystem on a disk', () => {
  const disk = async () => {
    const image = `${folder()}/disk`
    await sh(`truncate -s 64M ${image} && mkfs.ext4 -q -E lazy_itable_init=0 ${image}`)
    return image
  }

  /** Writes, and gives what the disk alone had at that moment, as after a loss of power. */
  const crash = async (edit?: (program: string) => string) => {
    const image = await disk()
    const place = await mount(`-o loop,commit=300 ${image}`)
    const ledger = await begun({ directory: `${place}/ledger` }, here(edit))
    // Five of the writers leave something to find: more than 300 in all.
    await wrote(ledger, 65)
    await stopLedger(host, ledger)
    await sh(`cp ${image} ${image}-after`)
    const after = await mount(`-o loop ${image}-after`)
    const collected = await collect(host, ledger)
    return check(host, collected, { directory: `${after}/ledger`, dropCaches: false })
  }

  it('has everything after a crash', async () => {
    const verdict = await crash()
    expect(verdict.lost).toEqual([])
    expect(verdict.clientErrors).toEqual([])
    expect(verdict.acknowledged).toBeGreaterThan(300)
  })

  it('misses what an fsync that does nothing acknowledged', async () => {
    const lying = 'sub to_disk { return 1 if $0 =~ /^tandem-ledger/;'
    const verdict = await crash((text) => text.replace('sub to_disk {', lying))
    expect(verdict.lost.length).toBeGreaterThan(20)
    expect(verdict.lost).toContainEqual(expect.stringMatching(/^create-\d+: expected create/))
    expect(verdict.lost).toContainEqual(expect.stringMatching(/^overwrite at/))
  })

  it('that stands still is a stall of that length for all who write, and nothing is lost', async () => {
    const place = await mount(`-o loop ${await disk()}`)
    const ledger = await begun({ directory: `${place}/ledger` })
    await wrote(ledger, 5)
    const from = Date.now()
    await sh(`fsfreeze -f ${place}`)
    await noted(ledger, waiting)
    await sleep(1500)
    await sh(`fsfreeze -u ${place}`)
    const to = Date.now()
    expect(await stopLedger(host, ledger)).toEqual({ killed: [], left: [] })
    const collected = await collect(host, ledger)
    const stalls = stallsOf(collected.operations, from, to)
    for (const wait of [stalls.newFile, stalls.openFile, stalls.lock]) {
      expect(wait).toBeGreaterThan(1490)
      expect(wait).toBeLessThan(to - from + 1000)
    }
    const verdict = await check(host, collected, {
      directory: ledger.directory,
      dropCaches: false,
    })
    expect(verdict).toMatchObject({ lost: [], indeterminate: 0, clientErrors: [] })
  })

  it('lets writers that are killed while it stands still be indeterminate, and loses nothing', async () => {
    const place = await mount(`-o loop ${await disk()}`)
    const ledger = await begun({ directory: `${place}/ledger` })
    await wrote(ledger, 5)
    await sh(`fsfreeze -f ${place}`)
    await noted(ledger, waiting)
    const stopped = stopLedger(host, ledger, 200)
    await sleep(1000)
    await sh(`fsfreeze -u ${place}`)
    expect((await stopped).killed).toEqual(expect.arrayContaining([...writing]))
    const collected = await collect(host, ledger)
    const verdict = await check(host, collected, {
      directory: ledger.directory,
      dropCaches: false,
    })
    expect(verdict.lost).toEqual([])
    expect(verdict.indeterminate).toBeGreaterThan(2)
  })
})
