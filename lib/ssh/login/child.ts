import type { ChildProcess } from 'node:child_process'

/** What a program has said arrives at once; what it has started may keep its pipes open. */
export const lastWordsMs = 200

/** Signals a child that leads a group of its own, and with it what it has started. */
export function killGroup(child: ChildProcess, signal: NodeJS.Signals): void {
  if (child.pid === undefined || child.exitCode !== null || child.signalCode !== null) return
  try {
    process.kill(-child.pid, signal)
  } catch {
    // It has ended in between.
  }
}

/** Closes the pipes of a child that has ended, once its last words are heard. */
export function closePipes(child: ChildProcess): void {
  setTimeout(() => {
    child.stdout?.destroy()
    child.stderr?.destroy()
  }, lastWordsMs).unref()
}
