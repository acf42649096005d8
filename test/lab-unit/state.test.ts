import { mkdirSync, mkdtempSync, rmSync, statSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { topology } from '../../inventory/topology.ts'
import { type LabFiles, labFiles } from '../../lib/lab/model/lab-options.ts'
import { bmcPasswords, type LabState, readState, writeState } from '../../lib/lab/model/state.ts'

const state: LabState = {
  version: 4,
  ready: true,
  image: 'abc',
  imageDir: '/image',
  acceleration: 'tcg',
  forkMs: 50,
  seconds: {},
  machines: { M1: { port: 1, key: '' }, M2: { port: 2, key: '' }, C1: { port: 3, key: '' } },
  bmc: { M1: { port: 4, password: 'of M1' }, M2: { port: 5, password: 'of M2' } },
  cuts: ['bmc-M1'],
  snapshots: {},
  frozen: ['M2'],
}

let folder: string
let files: LabFiles
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-state-'))
  files = labFiles({ stateDir: folder, topology })
  mkdirSync(files.runDir, { recursive: true })
})
afterEach(() => rmSync(folder, { recursive: true }))

test('is read back as it was written, by its owner alone', () => {
  writeState(files, state)
  expect(readState(files)).toEqual(state)
  expect(statSync(files.lab).mode & 0o777).toBe(0o600)
})

test('of an older version counts as none, so that the lab is made anew', () => {
  for (const version of [1, 2, 3, 5]) {
    writeFileSync(files.lab, JSON.stringify({ ...state, version }))
    expect(readState(files)).toBeUndefined()
    expect(bmcPasswords({ stateDir: folder, topology })).toBeUndefined()
  }
})

test('gives the passwords of the BMCs once the lab is made', () => {
  writeState(files, { ...state, ready: false })
  expect(bmcPasswords({ stateDir: folder, topology })).toBeUndefined()
  writeState(files, state)
  expect(bmcPasswords({ stateDir: folder, topology })).toEqual({ M1: 'of M1', M2: 'of M2' })
})
