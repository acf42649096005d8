import { readdir, readFile, writeFile } from 'node:fs/promises'
import { join } from 'node:path'
import { describe, expect, test } from 'vitest'
import { file } from '../../lib/resources/index.ts'
import { converge, inDirectory, me } from './host.ts'

const copies = async () =>
  (await readdir('/run/tandem').catch(() => [] as string[])).filter((name) =>
    name.startsWith('verify.'),
  )

describe('verify before a file is replaced', () => {
  test('accepts what the command accepts, and leaves no copy', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'rules.conf')
      const before = await copies()
      const verify = `grep -q '^table' %s && case %s in */rules.conf) ;; *) false ;; esac`
      expect(() => file(path, '', { ...me, verify })).toThrow('Expected one %s in `verify`')
      await converge(file(path, 'table x\n', { ...me, verify: `grep -q '^table' %s` }))
      expect(await readFile(path, 'utf8')).toBe('table x\n')
      expect(await copies()).toEqual(before)
    }))

  test('keeps the old file where the command refuses the new one, and says why', () =>
    inDirectory(async (dir) => {
      const path = join(dir, `it's rules`)
      await writeFile(path, 'old\n')
      const verify = 'echo "%s: line 1: no table" >&2; exit 3'
      const before = await copies()
      await expect(converge(file(path, 'new\n', { ...me, verify }))).rejects.toThrow(
        `to accept the new ${path}, got exit code 3`,
      )
      expect(await readFile(path, 'utf8')).toBe('old\n')
      expect(await copies()).toEqual(before)
    }))

  test('does not repeat a secret that the command complains of', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'key')
      const verify = 'cat %s >&2; exit 1'
      const refused = converge(file(path, 'hunter2\n', { ...me, verify, secret: true }))
      await expect(refused).rejects.toThrow(/got exit code 1; the old file is unchanged/)
      await expect(refused).rejects.not.toThrow('hunter2')
    }))

  test('is not asked where only the mode differs', () =>
    inDirectory(async (dir) => {
      const path = join(dir, 'x')
      await converge(file(path, 'same', me))
      const changed = await converge(file(path, 'same', { ...me, mode: 0o600, verify: 'false %s' }))
      expect(changed?.summary).toBe('mode 0644 → 0600')
    }))
})
