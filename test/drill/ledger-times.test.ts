import { describe, expect, it } from 'vitest'
import { clientErrors, parseLedger, stallsOf } from '../../lib/drill/ledger/index.ts'

/** A ledger in which each operation is `began-ended` in seconds, with its error if there was one. */
function ledger(writers: Record<string, readonly string[]>): ReturnType<typeof parseLedger> {
  const lines = Object.entries(writers).flatMap(([writer, operations]) => [
    `H r ${writer} 0.05 1000.000000`,
    ...operations.flatMap((operation, i) => {
      const [, began, ended, outcome = 'ok'] = /^(\S+)-(\S*)(?: (.*))?$/.exec(operation) ?? []
      const at = (seconds = '') => (1000 + Number(seconds)).toFixed(6)
      return [`B ${i + 1} ${at(began)}`, ...(ended ? [`E ${i + 1} ${at(ended)} ${outcome}`] : [])]
    }),
  ])
  return parseLedger(`${lines.join('\n')}\n`)
}

const at = (seconds: number) => 1_000_000 + seconds * 1000
const stalls = (writers: Record<string, readonly string[]>, from: number, to: number) =>
  stallsOf(ledger(writers).operations, at(from), at(to))
const none = { newFile: 0, openFile: 0, read: 0, lock: 0 }

describe('stalls', () => {
  it('is the longest operation of each kind, without the pauses', () => {
    const writers = {
      create: ['1-1.1', '1.15-4.15', '4.2-4.3'],
      append: ['1-1.5', '1.55-1.6'],
      overwrite: ['1-3'],
      read: ['1-1.25'],
      lock: ['1-1.75'],
      held: ['1-9'],
    }
    expect(stalls(writers, 0, 10)).toEqual({
      newFile: 3000,
      openFile: 2000,
      read: 250,
      lock: 750,
    })
  })

  it('counts what lies partly in the window whole, and nothing outside', () => {
    const create = ['1-3', '4-5', '6-9']
    expect(stalls({ create }, 2, 4)).toEqual({ ...none, newFile: 2000 })
    expect(stalls({ create }, 3.5, 7)).toEqual({ ...none, newFile: 3000 })
    expect(stalls({ create }, 9.5, 20)).toEqual(none)
  })

  it('lasts until the window ends where no answer ever came', () => {
    expect(stalls({ create: ['1-1.1', '2-'] }, 0, 12)).toEqual({ ...none, newFile: 10_000 })
    expect(stalls({ create: ['1-1.1', '20-'] }, 0, 12)).toEqual({ ...none, newFile: 100 })
  })

  it('does not end with a failure, unless that was the expected answer', () => {
    const writers = { create: ['1-1.5', '2-3 EIO open', '4-5 EIO open', '6-7'] }
    expect(stalls(writers, 0, 9).newFile).toBe(5000)
    expect(stallsOf(ledger(writers).operations, at(0), at(9), ['EIO']).newFile).toBe(1000)
  })
})

describe('client errors', () => {
  const { operations, unfinished, text } = ledger({
    create: ['1-1.1', '2-4.5 ENOSPC write', '5-5.1 EIO fsync'],
    rename: ['1-1.1', '2-2.1 ENOENT rename'],
    read: ['1-'],
  })
  const some = { operations, text, unfinished: unfinished.filter((one) => one === 'read') }

  it('are a sentence each, also for a writer that hangs or never got an answer', () => {
    expect(clientErrors(some, [])).toEqual([
      'create 2: expected ok, got ENOSPC at write after 2.5 s',
      'create 3: expected ok, got EIO at fsync after 0.1 s',
      'rename 2: expected ok, got ENOENT at rename after 0.1 s',
      'read: expected the writer to end when told, got no end; its last was operation 1 (indeterminate)',
      'read: expected acknowledged operations, got none',
    ])
  })

  it('leave out what was expected, of everybody or of one writer', () => {
    const left = clientErrors(some, ['ENOSPC', 'rename ENOENT', 'create ENOENT'])
    expect(left.filter((sentence) => !sentence.startsWith('read'))).toEqual([
      'create 3: expected ok, got EIO at fsync after 0.1 s',
    ])
  })
})

it('reads on behind a line that a killed writer left half', () => {
  const { operations, text } = parseLedger(
    'H r create 0 1.0\nB 1 2.0\nE 1 3.~\nH r read 0 1.0\nB 1 2.0\nE 1 3.5 ok\n~\n',
  )
  expect(operations.map(({ writer, outcome }) => [writer, outcome])).toEqual([
    ['create', 'indeterminate'],
    ['read', 'ok'],
  ])
  expect(text).toBe('H r create 0 1.0\nB 1 2.0\nH r read 0 1.0\nB 1 2.0\nE 1 3.5 ok\n')
})
