import { spawn } from 'node:child_process'
import { chmodSync, mkdtempSync, writeFileSync } from 'node:fs'
import { createServer, type Server } from 'node:net'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, describe, expect, it } from 'vitest'
import { renderFile } from '../../lib/resources/template.ts'

const templates = join(import.meta.dirname, '../../roles/drbd/templates')
const folder = mkdtempSync(join(tmpdir(), 'tandem-outdate-'))
const socket = join(folder, 'socket')
const drbdadm = join(folder, 'drbdadm')
writeFileSync(drbdadm, renderFile(join(templates, 'drbdadm.hbs'), { resource: 'drbd', socket }))
chmodSync(drbdadm, 0o755)

let server: Server | undefined
let asked = 0
afterEach(() => {
  server?.close()
  server = undefined
  asked = 0
})

/** Stands for the program of root's: says this to everybody. */
function answers(text: string | undefined): Promise<void> {
  server = createServer((connection) => {
    asked++
    connection.on('error', () => {})
    if (text !== undefined) connection.end(text)
  })
  return new Promise((resolve) => server?.listen(socket, resolve))
}

const call = (...words: string[]) =>
  new Promise<number | null>((resolve) => {
    const child = spawn(drbdadm, words, { stdio: 'ignore' })
    child.on('exit', (code, signal) => resolve(signal === null ? code : -1))
  })

describe('what heartbeat may have done to DRBD', () => {
  it.each([0, 5, 17])(
    'is to have the disk marked: dopd gets drbdadm’s exit code %i',
    async (code) => {
      await answers(`${code}\n`)
      expect(await call('outdate', 'drbd')).toBe(code)
    },
  )

  it.each([
    ['primary', 'drbd'],
    ['outdate', 'other'],
    ['outdate', 'all'],
    ['outdate', 'drbd', '--force'],
    ['-c', '/tmp/mine', 'outdate', 'drbd'],
    [],
  ])('is nothing else: %s %s', async (...words) => {
    await answers('0\n')
    expect(await call(...words.filter((word) => word !== undefined))).toBe(20)
    expect(asked).toBe(0)
  })

  it.each(['', 'no\n', '-1\n', '99999\n'])('is not known where the answer is %j', async (text) => {
    await answers(text)
    expect(await call('outdate', 'drbd')).toBe(20)
  })

  it('is not known where nobody listens, and ends where nobody answers', async () => {
    expect(await call('outdate', 'drbd')).toBe(20)
    await answers(undefined)
    expect(await call('outdate', 'drbd')).toBe(20)
  }, 20_000)
})
