import { change, type Task, task } from '../../lib/index.ts'

/** Sourced by every script of heartbeat. */
const functions = '/etc/ha.d/shellfuncs'
/** How the package's own sends a message: in as many pieces as it has lines. */
export const pieces = '(echo ">>>"; cat -; echo "<<<")	| cat - >> $HA_FIFO'
/** A builtin's output is one write, and one write of that size is never divided. */
export const whole = 'whole=$(echo ">>>"; cat -; echo "<<<"); printf "%s\\n" "$whole" >> $HA_FIFO'

/**
 * Scripts send heartbeat whole messages: a signal between two pieces makes it take the first one for
 * all. `hb_standby` is then not heard, and a take-over that has ended stays in transition.
 */
export const wholeMessages = (): Task =>
  task('messages to heartbeat are written in one piece', {
    check: async ({ $ }) => {
      const { exitCode } = await $`grep -qxF ${`	${pieces}`} ${functions}`.nothrow()
      return exitCode === 0 ? change(`${functions} writes them line by line`) : undefined
    },
    apply: async ({ $, write }) => {
      const { stdout } = await $`cat ${functions}`
      await write(
        functions,
        stdout.replace(pieces, () => whole),
        { mode: 0o644 },
      )
    },
  })
