import { mkdirSync, mkdtempSync, rmSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, test } from 'vitest'
import { topology } from '../../inventory/topology.ts'
import { labFiles } from '../../lib/lab/model/lab-options.ts'
import { endProcess, isOurs, makeRunDir, runningPid } from '../../lib/lab/processes/processes.ts'

const uid = process.getuid?.() ?? 0
let folder: string
beforeEach(() => {
  folder = mkdtempSync(join(tmpdir(), 'tandem-process-'))
})
afterEach(() => rmSync(folder, { recursive: true }))

const line = (...words: string[]) => `${words.join('\0')}\0`

test('knows its own process by program and pid file', () => {
  const pid = '/run/M1.pid'
  expect(isOurs(line('/usr/bin/qemu-system-x86_64', '-m', '768', '-pidfile', pid), pid)).toBe(true)
  expect(isOurs(line('qemu-system-x86_64', '-pidfile', '/other/M1.pid'), pid)).toBe(false)
  expect(isOurs(line('node', '/checkout/switch.mjs', '-pidfile', pid), pid)).toBe(true)
  expect(isOurs(line('node', '/other/run.mjs', '-pidfile', pid), pid)).toBe(false)
  const sim = (config: string) => line('ipmi_sim', '-n', '-c', config, '-s', '/run/bmc-M1')
  expect(isOurs(sim('/run/bmc-M1/lan.conf'), '/run/bmc-M1.pid')).toBe(true)
  expect(isOurs(sim('/other/bmc-M1/lan.conf'), '/run/bmc-M1.pid')).toBe(false)
  expect(isOurs(sim('/run/bmc-M1/lan.conf'), pid)).toBe(false)
  expect(isOurs(line('vi', '-pidfile', pid), pid)).toBe(false)
  expect(isOurs('', pid)).toBe(false)
})

test('never takes or ends a foreign process whose pid stands in a stale pid file', async () => {
  const files = labFiles({ stateDir: folder, topology }, uid)
  mkdirSync(files.runDir)
  writeFileSync(files.pid('M1'), `${process.pid}\n`)
  expect(runningPid('M1', files)).toBeUndefined()
  expect(await endProcess('M1', files)).toBe(false)
})

test.each(['', '-1', '0', 'abc', '999999999'])('reads the pid file "%s" as no process', (text) => {
  const files = labFiles({ stateDir: folder, topology }, uid)
  mkdirSync(files.runDir)
  writeFileSync(files.pid('M1'), text)
  expect(runningPid('M1', files)).toBeUndefined()
})

test('refuses a socket folder that others may enter', () => {
  const files = labFiles({ stateDir: folder, topology }, uid)
  mkdirSync(files.runDir, { mode: 0o777 })
  expect(() => makeRunDir(files, uid)).toThrow('mode 0700')
  rmSync(files.runDir, { recursive: true })
  expect(() => makeRunDir(files, uid + 1)).toThrow(`belong to uid ${uid + 1}`)
})
