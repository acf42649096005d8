import { setTimeout as sleep } from 'node:timers/promises'
import { must } from '../../lib/drill/index.ts'
import type { Stage } from './pair/words.ts'

/** Which boot a node is in: another word after each start. */
export async function bootOf(stage: Stage, name: string): Promise<string> {
  const timeoutMs = 10_000 * stage.ground.plan.slow
  const ask = 'cat /proc/sys/kernel/random/boot_id'
  return (await must(stage.machine(name), ask, { timeoutMs })).trim()
}

/**
 * A node that is powered off by its peer, or resets itself, has to come back without our help: where it
 * does not, that is wrong, and it is powered on. Gives the check that it was off in between.
 */
export async function returnsByItself(stage: Stage, name: string): Promise<() => Promise<void>> {
  const before = await bootOf(stage, name)
  stage.undo(`${name} is to be back by itself`, async () => {
    // After an interrupt too, when nothing else of the stage waits any more.
    const end = Date.now() + 90_000 * stage.ground.plan.slow
    while (Date.now() < end) {
      if (await bootOf(stage, name).catch(() => undefined)) return
      await sleep(1_000)
    }
    stage.wrong(`${name} did not come back by itself`)
    await stage.ground.powerOn(name)
  })
  return async () => {
    if ((await bootOf(stage, name)) === before) stage.wrong(`${name} was never powered off`)
  }
}
