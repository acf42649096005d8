import { mkdtempSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { expect, test } from 'vitest'
import { measure } from '../../bench/measure.ts'

const log = join(mkdtempSync(join(tmpdir(), 'bench-measure-')), 'log')
const mb = 2 ** 20
const run = (...argv: string[]) => {
  const env = { PATH: '/usr/bin:/bin' }
  return measure({ argv, cwd: '/', env }, log, new AbortController().signal)
}
/** Perl that takes `mb` MB. */
const take = (size: number) => `my $taken = 'x' x ${size * mb};`

test('memory of processes with nothing in common adds up', async () => {
  const one = `perl -e "${take(40).replaceAll('$', '\\$')} sleep 1" &`
  const { peakRssBytes, togetherBytes } = await run('sh', '-c', `${one} ${one} ${one} wait`)
  expect(peakRssBytes).toBeLessThan(110 * mb)
  expect(togetherBytes).toBeGreaterThan(3 * 40 * mb)
  expect(togetherBytes).toBeLessThan(4 * peakRssBytes)
})

test('memory that processes share after a fork is in the sum once', async () => {
  const fork = 'for (1 .. 8) { fork() or do { sleep 1; exit } } 1 while wait() > 0;'
  const { peakRssBytes, togetherBytes } = await run('perl', '-e', `${take(60)} ${fork}`)
  expect(togetherBytes).toBeGreaterThanOrEqual(peakRssBytes)
  expect(togetherBytes).toBeLessThan(2 * peakRssBytes)
})

test('what measures is not in what is measured', async () => {
  const { cpuMs, wallMs, samplerMs } = await run('sleep', '0.5')
  expect(wallMs).toBeGreaterThan(500)
  expect(samplerMs).toBeGreaterThan(0)
  expect(cpuMs).toBeLessThan(50)
})

test('a command that fails is named, with what it said', async () => {
  await expect(run('sh', '-c', 'echo no luck; exit 3')).rejects.toThrow(/^sh failed .*\nno luck$/s)
})
