import { execFileSync } from 'node:child_process'
import { expect, test } from 'vitest'
import { brief, commandLine, quote } from '../../lib/core/quote.ts'
import { oneFork } from '../../lib/ssh/driver.ts'
import { shells } from './shells.ts'

const hostile = ["it's", '', '$HOME `id` "x" \\', 'a\nb\n', '*', '-n', 'ünï', "''", '!x', '~', '\t']

test.each(shells())('quotes any text as one word for $name', ({ path }) => {
  const script = `printf '%s|' ${hostile.map(quote).join(' ')}`
  expect(execFileSync(path, ['-c', script], { encoding: 'utf8' })).toBe(`${hostile.join('|')}|`)
})

const line = (pieces: TemplateStringsArray, ...values: unknown[]) => commandLine(pieces, values)

test('turns a list into words and an output into its trimmed text', () => {
  const output = { stdout: 'a b\n', stderr: '', exitCode: 0 }
  expect(line`rm -f ${['x', 'y z']} ${output} ${7}`).toBe(`rm -f x 'y z' 'a b' 7`)
})

test('refuses values that would become the text "undefined" or "[object Object]"', () => {
  expect(() => line`rm -rf /${undefined}`).toThrow('got undefined')
  expect(() => line`echo ${null}`).toThrow('got null')
  expect(() => line`echo ${{}}`).toThrow('got object')
  expect(() => line`echo ${'a\0b'}`).toThrow('NUL')
})

test('shortens a script to one line for messages', () => {
  expect(brief('a\n  b\n')).toBe('a; b')
  expect(brief('x'.repeat(500))).toHaveLength(160)
})

test.each([
  'stat -c %s /etc/x',
  "cat '/etc/a b' 2>/dev/null",
  'systemctl is-active drbd >/dev/null 2>&1',
  '/sbin/drbdadm role r0',
])('saves a fork for the single program in: %s', (script) => {
  expect(oneFork(script)).toBe(`exec ${script}`)
})

test.each([
  'test -e /x',
  'echo hi',
  'cat a | wc',
  'cat a; cat b',
  'cat a && cat b',
  'A=b env',
  'cat $x',
  'cat "$x"',
  'cat *',
  'cat ~/x',
  'if true; then cat; fi',
  'cat a\ncat b',
  'cat <x',
  'cat >x',
  'cat \\x',
  '(cat)',
  '! cat x',
  'cat x &',
  'cat `id`',
  'cat x # note',
  '. /etc/os-release',
  '[ -e /x ]',
])('leaves alone: %s', (script) => {
  expect(oneFork(script)).toBe(script)
})
