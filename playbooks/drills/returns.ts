import { must, poll } from '../../lib/drill/index.ts'
import type { RoundContext } from './pair/words.ts'

/** Which boot a node is in: another word after each start. */
export async function bootOf(context: RoundContext, name: string): Promise<string> {
  const timeoutMs = 10_000 * context.environment.plan.slow
  const ask = 'cat /proc/sys/kernel/random/boot_id'
  return (await must(context.machine(name), ask, { timeoutMs })).trim()
}

/**
 * A node that is powered off by its peer, or resets itself, has to come back without our help: where it
 * does not, that is wrong, and it is powered on. Gives the check that it was off in between.
 */
export async function returnsByItself(
  context: RoundContext,
  name: string,
): Promise<() => Promise<void>> {
  const before = await bootOf(context, name)
  context.undo(`${name} is to be back by itself`, async () => {
    // After an interrupt too, when nothing else of the round waits any more.
    const back = () =>
      bootOf(context, name)
        .then((boot) => boot || undefined)
        .catch(() => undefined)
    const limitMs = 90_000 * context.environment.plan.slow
    if (await poll(back, { everyMs: 1_000, limitMs })) return
    context.wrong(`${name} did not come back by itself`)
    await context.environment.powerOn(name)
  })
  return async () => {
    if ((await bootOf(context, name)) === before) context.wrong(`${name} was never powered off`)
  }
}
