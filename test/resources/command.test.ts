import { readFile, stat, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { command } from '../../lib/resources/index.ts'
import { converge, here, inDirectory } from './host.ts'

const unsafe = (text: string) => `'${text.replaceAll("'", `'\\''`)}'`

describe('command', () => {
  test('runs where its test says 1, and not where it says 0', () =>
    inDirectory(async (dir) => {
      const path = unsafe(join(dir, `it's "here"`))
      const task = command('make it', { unless: `test -e ${path}`, run: `echo "a b" > ${path}` })
      expect(task.title).toBe('make it')
      expect((await converge(task))?.summary).toBe('to do')
      expect(await readFile(join(dir, `it's "here"`), 'utf8')).toBe('a b\n')
      expect(await converge(task)).toBeUndefined()
    }))

  test('cannot tell, before the run, where its test reads a file that would change', async () => {
    const task = command('x', { unless: 'cmp -s /etc/app.conf /run/app.conf', run: ':' })
    const foresee = (files: string[], found?: { summary: string }) =>
      task.foresee?.(here(), found, new Set(files))
    expect(await foresee(['/etc/other'])).toBeUndefined()
    await expect(foresee(['/etc/app.conf'])).rejects.toThrow('its check reads /etc/app.conf')
    expect(await foresee(['/etc/app.conf'], { summary: 'to do' })).toEqual({ summary: 'to do' })
  })

  test('says what its test printed', async () => {
    const task = command('x', { unless: 'echo 3 blocks out of sync; echo more; exit 1', run: ':' })
    expect((await task.check(here()))?.summary).toBe('3 blocks out of sync')
  })

  for (const [unless, error] of [
    ['echo who knows >&2; exit 2', 'got 2: who knows'],
    ['if', 'got 2'],
    ['no-such-program-here', '127'],
    ['/', '126'],
    ['kill -9 $$', 'null'],
  ] as const) {
    test(`takes no answer for unknown: ${unless}`, async () => {
      await expect(command('x', { unless, run: ':' }).check(here())).rejects.toThrow(error)
    })
  }

  test('ends at the first command that fails, and at an unset variable', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      for (const failing of ['false', 'echo "$unset_variable_here"']) {
        const run = `${failing}; : > ${unsafe(path)}`
        await expect(converge(command('x', { unless: 'exit 1', run }))).rejects.toThrow()
        await expect(stat(path)).rejects.toThrow('ENOENT')
      }
    }))

  test('reads lines that are a script of several', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await writeFile(path, '')
      const unless = `\nif [ -s ${unsafe(path)} ]; then\n  exit 0\nfi\nexit 1\n`
      const run = `\nfor n in 1 2; do\n  echo $n >> ${unsafe(path)}\ndone\n`
      await converge(command('x', { unless, run }))
      expect(await readFile(path, 'utf8')).toBe('1\n2\n')
    }))

  test('hands guards and limits on to the engine', () => {
    const proof = async () => {}
    const options = { destroys: { what: '/dev/x', proof }, disruptive: proof, timeoutMs: 5 }
    const task = command('x', { unless: ':', run: ':', barrier: true, ...options })
    expect(task).toMatchObject({ barrier: true, ...options })
  })
})
