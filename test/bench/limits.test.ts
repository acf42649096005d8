import { describe, expect, test } from 'vitest'
import { type Left, needRoom, shortage } from '../../bench/limits.ts'

const plenty: Left = {
  ...{ memory: 1e5, disk: 1e6, inodes: 1e7, processes: 1e5, files: 1e5, allFiles: 1e6 },
  namespaces: 1e5,
}

describe('what 500 hosts need', () => {
  test('is there on a machine with plenty of everything', () => {
    expect(shortage(500, plenty)).toBeUndefined()
  })

  test('is told in a sentence where it is short', () => {
    expect(shortage(500, { ...plenty, files: 1024 })).toBe(
      '500 hosts need 2200 open files in a process, of which 1024 are left (ulimit -Hn)',
    )
    expect(shortage(500, { ...plenty, processes: 300, memory: 2000.7 })).toMatch(
      /^500 hosts need \d+ MB of memory, of which 2000 are left \(MemAvailable\); and \d+ processes, of/,
    )
  })

  test.each(Object.keys(plenty))('%s: none left is too little', (key) => {
    expect(shortage(1, { ...plenty, [key]: 0 })).toContain('of which 0 are left')
  })

  test('is more than two need', () => {
    const small = { ...plenty, files: 1024, processes: 1000 }
    expect(shortage(2, small)).toBeUndefined()
    expect(shortage(500, small)).toBeDefined()
  })
})

test('this machine is asked what it has', () => {
  expect(() => needRoom(1, process.cwd())).not.toThrow()
  const all = ['MB of memory', 'MB of disk', 'processes', 'open files in a process', 'namespaces']
  for (const what of all) {
    expect(() => needRoom(100_000_000, process.cwd())).toThrow(` ${what}, of which `)
  }
})
