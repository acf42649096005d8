import { fenced, heldMs } from './pair/limits.ts'
import type { Drill, RoundContext } from './pair/words.ts'
import { moveLimitMs, serves, untilServes } from './planned.ts'
import { returnsByItself } from './returns.ts'

/** Freezes a node for a while; then it goes on, unless its peer has powered it off. */
async function freeze(
  context: RoundContext,
  name: string,
  ms: number,
): Promise<() => Promise<void>> {
  const wasOff = await returnsByItself(context, name)
  context.undo(`${name} goes on`, () => context.environment.thaw(name))
  await context.fault(`${name} freezes`, () => context.environment.freeze(name))
  await context.watch(ms)
  return async () => {
    await context.heal()
    await wasOff()
  }
}

const frozenActive = (name: string, seconds: number): Drill => ({
  name,
  about: `freezes the active node for ${seconds} s; the other powers it off and takes over`,
  needs: ['freeze'],
  moves: true,
  crash: true,
  budgetMs: fenced,
  run: async (context) => {
    const thaw = await freeze(context, context.active, seconds * 1_000)
    await thaw()
    await untilServes(context, context.standby)
  },
})

export const freezeActiveShort = frozenActive('freeze-active-short', 40)
export const freezeActive = frozenActive('freeze-active', 60)
export const freezeActiveLong = frozenActive('freeze-active-long', 300)

export const freezeStandby: Drill = {
  name: 'freeze-standby',
  about: 'freezes the standby for 40 s; the active node powers it off and goes on',
  needs: ['freeze'],
  moves: false,
  crash: true,
  budgetMs: () => heldMs,
  run: async (context) => {
    const { active, standby } = context
    const thaw = await freeze(context, standby, 40_000)
    await context.until(`${active} still serves`, moveLimitMs(context), serves(active))
    await thaw()
  },
}
