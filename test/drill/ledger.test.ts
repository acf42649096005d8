import { cpSync, readFileSync, rmSync, writeFileSync } from 'node:fs'
import { setTimeout as sleep } from 'node:timers/promises'
import { describe, expect, it, vi } from 'vitest'
import {
  check,
  collect,
  lockIsHeld,
  parseLedger,
  startLedger,
  stopLedger,
} from '../../lib/drill/ledger/index.ts'
import { program } from '../../lib/drill/ledger/program.ts'
import { works } from '../../lib/drill/record/round-record.ts'
import { begun, contentOf, folder, here, sh, still, written, wrote } from './ledger-host.ts'

const host = here()

describe('the ledger', () => {
  it('writes with every work until it is stopped, and finds everything', async () => {
    const before = Date.now()
    const ledger = await begun()
    await wrote(ledger, 10)
    expect(await stopLedger(host, ledger)).toEqual({ killed: [], left: [] })
    const collected = await collect(host, ledger)
    const { operations } = collected
    for (const work of works) {
      const own = operations.filter(({ writer }) => writer === work)
      expect(own.length).toBeGreaterThanOrEqual(10)
      expect(own.map(({ sequence }) => sequence)).toEqual(own.map((_, i) => i + 1))
    }
    expect(operations.filter(({ writer }) => writer === 'held')).toHaveLength(2)
    expect(operations.every(({ outcome }) => outcome === 'ok')).toBe(true)
    for (const { beganMs, endedMs } of operations) {
      expect(beganMs).toBeGreaterThan(before - 2)
      expect(endedMs).toBeGreaterThanOrEqual(beganMs)
      expect(endedMs).toBeLessThan(Date.now() + 2)
    }
    expect(await check(host, collected, { ...ledger, dropCaches: false })).toEqual({
      acknowledged: operations.filter(({ work }) => work !== 'read').length,
      lost: [],
      indeterminate: 0,
      clientErrors: [],
      replayed: 0,
    })
  })

  it('counts a rename that was done though the client was told otherwise, and checks it', async () => {
    const ledger = await begun({ works: ['rename'] })
    await sleep(300)
    await stopLedger(host, ledger)
    const { text } = await collect(host, ledger)
    const replayed = parseLedger(text.replace(/^(E 2 [\d.]+ ok)$/m, '$1 replayed'))
    const verdict = await check(host, replayed, { ...ledger, dropCaches: false })
    expect(verdict).toMatchObject({ lost: [], clientErrors: [], replayed: 1 })
    expect(verdict.acknowledged).toBe(replayed.operations.length)
  })

  it('keeps its pause, ends with a stop file alone, and leaves no process', async () => {
    const ledger = await begun({ pauseMs: 100, works: ['append'] })
    await sleep(550)
    await sh(`touch ${ledger.acks}/stop`)
    await vi.waitFor(
      async () => expect((await collect(host, ledger)).unfinished).toEqual([]),
      10_000,
    )
    const { operations } = await collect(host, ledger)
    const began = operations.map(({ beganMs }) => beganMs)
    const ended = operations.map(({ endedMs }) => endedMs ?? 0)
    expect(began.length).toBeGreaterThan(1)
    for (const [i, at] of began.slice(1).entries()) {
      expect(at - (ended[i] ?? 0)).toBeGreaterThanOrEqual(99)
    }
    // A process that ended and was not waited for yet has a folder there, but no words.
    const words = await sh(`cat /proc/$(cut -d' ' -f2 ${ledger.acks}/pids)/cmdline 2>&1 || :`)
    expect(words).not.toContain('tandem-ledger')
  })

  it('knows from the server whether the lock is held', async () => {
    const ledger = await begun({ works: ['lock'] })
    expect(await lockIsHeld(host, ledger.directory)).toBe(true)
    await stopLedger(host, ledger)
    expect(await lockIsHeld(host, ledger.directory)).toBe(false)
  })

  it('survives kill -9 in the middle: indeterminate, never lost, there or not', async () => {
    const ledger = await begun({ pauseMs: 0 })
    await wrote(ledger, 20)
    await sh(`cut -d' ' -f2 ${ledger.acks}/pids | xargs kill -9`)
    await stopLedger(host, ledger)
    const collected = await collect(host, ledger)
    expect(collected.unfinished).toHaveLength(7)
    const verdict = await check(host, collected, { ...ledger, dropCaches: false })
    expect(verdict.lost).toEqual([])
    expect(verdict.acknowledged).toBeGreaterThan(20)
    expect(verdict.clientErrors).toHaveLength(7)
    expect(verdict.clientErrors[0]).toMatch(/expected the writer to end when told, got no end/)
  })

  it('stops within its limit a writer that does not go on, and says which', async () => {
    const ledger = await begun({ works: ['append', 'create'] })
    const pid = (await sh(`sed -n 's/^create //p' ${ledger.acks}/pids`)).trim()
    await sh(`kill -STOP ${pid}`)
    expect(await stopLedger(host, ledger, 300)).toEqual({ killed: ['create'], left: [] })
  })

  it('refuses a directory or a run that is there already', async () => {
    const ledger = await written({ works: ['append'] }, 1)
    await expect(
      startLedger(host, { run: 'again', directory: ledger.directory, acks: folder() }),
    ).rejects.toThrow(/here: the ledger could not start: expected .* to be new/)
    const acks = ledger.acks.slice(0, ledger.acks.lastIndexOf('/'))
    await expect(
      startLedger(host, { run: ledger.run, directory: `${folder()}/new`, acks }),
    ).rejects.toThrow(/expected a new .*pids, got EEXIST/)
  })

  it('does not start where the first operation does not come to an end', async () => {
    const stuck = here((text) =>
      text.replace('sub to_disk {', 'sub to_disk { sleep 9 if $0 =~ /append/;'),
    )
    await expect(begun({ works: ['append', 'read'], readyMs: 500 }, stuck)).rejects.toThrow(
      'expected a first operation within 0.5 s, got none of append',
    )
  })

  it('ends by itself where nobody tells it to, and is then no ledger', async () => {
    const ledger = await begun({ works: ['append'], mostMs: 100 })
    await vi.waitFor(
      () => expect(collect(host, ledger)).rejects.toThrow('append: expected to be told to stop'),
      10_000,
    )
    expect(await stopLedger(host, ledger)).toEqual({ killed: [], left: [] })
  })

  it('needs modules of perl-base only', () => {
    const used = [...program().matchAll(/^use (\w+)/gm)].map(([, name]) => name)
    expect(used).toEqual(['strict', 'warnings', 'Errno', 'Fcntl', 'IO', 'POSIX'])
  })
})

describe('what was begun and not acknowledged', () => {
  /** The same ledger as if the end of the last operations had never been noted. */
  const unended = (text: string) => parseLedger(text.replace(/^E \d+ [\d.]+ ok\nZ .*\n/gm, ''))

  it('may be there', async () => {
    const ledger = await written()
    const collected = unended(ledger.text)
    const verdict = await check(host, collected, { ...ledger, dropCaches: false })
    expect(verdict.lost).toEqual([])
    expect(verdict.indeterminate).toBe(7)
  })

  it('may be missing, also half, but only behind what was acknowledged', async () => {
    const ledger = await begun()
    await wrote(ledger, 10)
    const copy = folder()
    const early = await still(ledger, () => {
      cpSync(ledger.directory, copy, { recursive: true })
      return collect(host, ledger)
    })
    await stopLedger(host, ledger)
    // The copy has nothing of what these lines say was begun next.
    const next = parseLedger(
      early.text.replace(
        /^(E (\d+) ([\d.]+) ok\n)(?=H |(?![\s\S]))/gm,
        (all, _, n, at) => `${all}B ${Number(n) + 1} ${at}\n`,
      ),
    )
    expect(next.operations.filter(({ outcome }) => outcome === 'indeterminate').length).toBe(7)
    const options = { directory: copy, dropCaches: false }
    expect((await check(host, next, options)).lost).toEqual([])
    // A writer may have stood still behind its write and before its note: that record is whole already.
    const whole = early.operations.filter(
      ({ work, outcome }) => work === 'append' && outcome === 'ok',
    ).length
    await sh(`truncate -s ${whole * 1024} ${copy}/append`)
    await sh(`head -c 300 ${copy}/create-1 >> ${copy}/append`)
    expect((await check(host, next, options)).lost).toEqual([])
    rmSync(copy, { recursive: true })
  })

  it('may be half written over a place, with nothing third in it', async () => {
    const ledger = await written({ works: ['overwrite'] })
    const collected = unended(ledger.text)
    const last = collected.operations.at(-1)?.sequence ?? 0
    const at = (last % 16) * 4096
    const file = `${ledger.directory}/overwrite`
    const whole = readFileSync(file, 'latin1')
    const half = async (sequence: number) => {
      const first = (await contentOf(ledger.run, 'overwrite', sequence)).slice(0, 2048)
      writeFileSync(file, whole.slice(0, at) + first + whole.slice(at + 2048), 'latin1')
      return (await check(host, collected, { ...ledger, dropCaches: false })).lost
    }
    expect(await half(last - 16)).toEqual([])
    expect(await half(last - 32)).toEqual([
      `overwrite at byte ${at}: expected overwrite ${last - 16} or, begun since, ${last}, got not whole, beginning '${ledger.run} overwrite ${last - 32} 1/32 ${await sum(ledger.run, last - 32)}', in ${ledger.directory}`,
    ])
  })
})

async function sum(run: string, sequence: number): Promise<string> {
  return (await contentOf(run, 'overwrite', sequence)).split('\n')[0]?.trim().slice(-8) ?? ''
}
