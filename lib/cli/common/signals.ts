import { setMaxListeners } from 'node:events'
import { exitCodes } from '../../core/errors.ts'

/** Aborts at the first SIGINT, SIGTERM or SIGHUP and calls `first`; a second one ends the process at once. */
export function interruption(first: (name: string) => void) {
  const controller = new AbortController()
  // Every host that is connected to listens.
  setMaxListeners(0, controller.signal)
  const names = ['SIGINT', 'SIGTERM', 'SIGHUP'] as const
  let at = 0
  const handle = (name: NodeJS.Signals) => {
    if (controller.signal.aborted) {
      // A terminal's Ctrl-C reaches us twice: from its process group and handed on by npm.
      if (Date.now() - at < 300) return
      process.exit(exitCodes.interrupted)
    }
    at = Date.now()
    first(name)
    controller.abort()
  }
  for (const name of names) process.on(name, handle)
  return {
    signal: controller.signal,
    /** Takes the handlers away again. */
    dispose: () => {
      for (const name of names) process.off(name, handle)
    },
  }
}
