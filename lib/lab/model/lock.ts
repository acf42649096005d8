import { spawn } from 'node:child_process'
import { mkdirSync } from 'node:fs'
import { dirname } from 'node:path'
import { Interrupted, UsageError } from '../../core/errors.ts'

/** Gives the lock back. */
export type Unlock = () => void

/**
 * Takes an exclusive lock on `file`, waiting for whoever holds it; `waiting` is called once then.
 * The lock belongs to a child that ends with this process, so a killed run never leaves it behind.
 */
export async function lock(
  file: string,
  options: { waiting?: () => void; signal?: AbortSignal | undefined } = {},
): Promise<Unlock> {
  mkdirSync(dirname(file), { recursive: true, mode: 0o700 })
  // `cat` ends when our end of its input closes, which the kernel does even after SIGKILL.
  // Detached, because Ctrl-C would end it with the lock while we still clean up.
  const child = spawn('flock', ['--exclusive', file, 'sh', '-c', 'echo locked; exec cat'], {
    stdio: ['pipe', 'pipe', 'ignore'],
    detached: true,
  })
  const timer = setTimeout(() => options.waiting?.(), 500)
  const abort = () => child.kill()
  options.signal?.addEventListener('abort', abort)
  try {
    await new Promise<void>((resolve, reject) => {
      child.once('error', (error) =>
        reject(new UsageError(`The lab needs flock of util-linux: ${error.message}`)),
      )
      child.once('exit', () =>
        reject(
          options.signal?.aborted
            ? new Interrupted('Interrupted while waiting for the lab lock')
            : new UsageError(`Expected to lock ${file}, but flock failed`),
        ),
      )
      child.stdout.once('data', () => resolve())
    })
  } finally {
    clearTimeout(timer)
    options.signal?.removeEventListener('abort', abort)
  }
  // A held lock must not keep the process alive.
  child.unref()
  return () => child.stdin.end()
}

/** Runs `work` under the lock. */
export async function locked<T>(
  file: string,
  options: { waiting?: () => void; signal?: AbortSignal | undefined },
  work: () => Promise<T>,
): Promise<T> {
  const unlock = await lock(file, options)
  try {
    return await work()
  } finally {
    unlock()
  }
}
