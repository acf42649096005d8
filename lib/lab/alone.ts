import { mkdirSync } from 'node:fs'
import { interrupted } from './guest-shell.ts'
import { type LabFiles, type LabOptions, labFiles } from './model/lab-options.ts'
import { locked } from './model/lock.ts'

/** Runs one lab command alone: commands of other processes on the same lab wait. */
export async function alone<T>(
  options: LabOptions,
  work: (files: LabFiles) => Promise<T>,
): Promise<T> {
  const files = labFiles(options)
  mkdirSync(options.stateDir, { recursive: true, mode: 0o700 })
  const waiting = () =>
    options.say({ step: 'boot', text: 'another lab command is running; waiting for it' })
  return await locked(files.lock, { waiting, signal: options.signal }, async () => {
    try {
      return await work(files)
    } catch (error) {
      interrupted(options.signal)
      throw error
    }
  })
}

/** Seconds since `begun` (milliseconds since the epoch), to a tenth. */
export function since(begun: number): number {
  return Math.round((Date.now() - begun) / 100) / 10
}
