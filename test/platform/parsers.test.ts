import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import type { Output } from '../../lib/core/task.ts'
import { explainApt, staleLists } from '../../lib/platform/apt-errors.ts'
import { type AptProgress, parseAptStatus } from '../../lib/platform/apt-status.ts'
import { parseDpkgQuery } from '../../lib/platform/dpkg.ts'
import { parseShow } from '../../lib/platform/systemd-state.ts'
import { cases } from './cases.ts'

const folder = (name: string) => join(import.meta.dirname, name)

interface AptErrorCase {
  title: string
  text: string
  says: string
  staleLists: boolean
}

describe("APT's complaints", () => {
  for (const given of cases<AptErrorCase>(folder('apt-errors'))) {
    test(given.title, () => {
      expect(explainApt(given.text)).toBe(given.says)
      expect(staleLists(given.text)).toBe(given.staleLists)
    })
  }
})

describe("APT's progress", () => {
  for (const given of cases<{ title: string; line: string; progress?: AptProgress }>(
    folder('apt-status'),
  )) {
    test(given.title, () => expect(parseAptStatus(given.line)).toEqual(given.progress))
  }
})

interface DpkgCase {
  title: string
  names: string[]
  answer: Output
  states?: Record<string, string>
  error?: string
}

describe("dpkg's states", () => {
  for (const given of cases<DpkgCase>(folder('dpkg'))) {
    test(given.title, () => {
      const parse = () => Object.fromEntries(parseDpkgQuery(given.answer, given.names))
      if (given.error) expect(parse).toThrow(given.error)
      else expect(parse()).toEqual(given.states)
    })
  }
})

describe("systemd's states", () => {
  for (const given of cases<{ title: string; text: string; state?: object; error?: string }>(
    folder('systemd'),
  )) {
    test(given.title, () => {
      if (given.error) expect(() => parseShow(given.text, 'x')).toThrow(given.error)
      else expect(parseShow(given.text, 'x')).toMatchObject(given.state ?? {})
    })
  }
})
