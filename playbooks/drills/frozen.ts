import { fenced, heldMs } from './pair/limits.ts'
import type { Drill, Stage } from './pair/words.ts'
import { moveLimitMs, serves, untilServes } from './planned.ts'
import { returnsByItself } from './returns.ts'

/** Freezes a node for a while; then it goes on, unless its peer has powered it off. */
async function freeze(stage: Stage, name: string, ms: number): Promise<() => Promise<void>> {
  const wasOff = await returnsByItself(stage, name)
  stage.undo(`${name} goes on`, () => stage.ground.thaw(name))
  await stage.fault(`${name} freezes`, () => stage.ground.freeze(name))
  await stage.watch(ms)
  return async () => {
    await stage.heal()
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
  run: async (stage) => {
    const thaw = await freeze(stage, stage.active, seconds * 1_000)
    await thaw()
    await untilServes(stage, stage.standby)
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
  run: async (stage) => {
    const { active, standby } = stage
    const thaw = await freeze(stage, standby, 40_000)
    await stage.until(`${active} still serves`, moveLimitMs(stage), serves(active))
    await thaw()
  },
}
