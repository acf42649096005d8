import { closeSync, fstatSync, openSync, readSync } from 'node:fs'

/** The last lines a machine wrote on its console, as one line. */
export function consoleTail(path: string, lines = 3): string {
  try {
    const file = openSync(path, 'r')
    try {
      const { size } = fstatSync(file)
      const buffer = Buffer.alloc(Math.min(size, 4096))
      readSync(file, buffer, 0, buffer.length, size - buffer.length)
      const text = buffer.toString('utf8').replace(/[^\x20-\x7e\n]/g, '')
      return text.trim().split('\n').slice(-lines).join(' | ') || '(nothing)'
    } finally {
      closeSync(file)
    }
  } catch {
    return '(nothing)'
  }
}
