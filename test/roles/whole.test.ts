import { execFileSync, spawn } from 'node:child_process'
import { once } from 'node:events'
import { createReadStream } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterEach, beforeEach, expect, it } from 'vitest'
import { pieces, whole } from '../../roles/heartbeat/atomic-messages.ts'

let folder: string
beforeEach(async () => {
  folder = await mkdtemp(join(tmpdir(), 'tandem-fifo-'))
})
afterEach(() => rm(folder, { recursive: true }))

/** What a reader of heartbeat's FIFO gets at once while `send` writes 100 messages. */
async function readings(send: string): Promise<string[]> {
  const fifo = join(folder, 'fifo')
  execFileSync('mkfifo', [fifo])
  const script = `HA_FIFO=${fifo}; send() { ${send}; }
exec 9<>$HA_FIFO; i=0
while [ $i -lt 100 ]; do i=$((i + 1)); printf 't=resource\\nrsc_hold=foreign\\ninfo=%s\\n' $i | send; done`
  const child = spawn('sh', ['-c', script], { stdio: 'inherit' })
  const ended = new Promise((resolve) => child.once('close', resolve))
  const got: string[] = []
  const stream = createReadStream(fifo, 'latin1').on('data', (text) => got.push(String(text)))
  await ended
  // The last writer has gone, so the reader comes to the end.
  if (!stream.readableEnded) await once(stream, 'end')
  return got
}

const isWhole = (text: string) =>
  /^(>>>\nt=resource\nrsc_hold=foreign\ninfo=\d+\n<<<\n)+$/.test(text)

it("a message in one piece is never read in two, as the package's own is", async () => {
  const own = await readings(pieces)
  expect(own.join('').match(/>>>/g)).toHaveLength(100)
  expect(own.every(isWhole)).toBe(false)
  await rm(join(folder, 'fifo'))
  const ours = await readings(whole)
  expect(ours.join('').match(/>>>/g)).toHaveLength(100)
  expect(ours.filter((text) => !isWhole(text))).toEqual([])
})
