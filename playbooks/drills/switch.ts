import { verifyNames } from './lines.ts'
import { holdsAny, nodeOf } from './pair/state.ts'
import type { Drill, Stage } from './pair/words.ts'
import { moveLimitMs, untilServes } from './planned.ts'

/** The power switch of the active node; both get back what the drill takes from them. */
function switchOf({ active, ground, undo }: Stage): string {
  const link = `bmc-${active}`
  undo(`${active} gets its power back`, () => ground.powerOn(active))
  undo(`${link} answers again`, () => ground.heal(link))
  return link
}

/** Says, as an administrator who has seen it, that a node is off; on the one that waits for it. */
async function confirmOff(stage: Stage, dead: string): Promise<void> {
  stage.say(`an administrator confirms that ${dead} is off`)
  const { code, text } = await stage.play(['confirm-off', dead, '--confirm', dead])
  if (code !== 0) stage.wrong(`confirm-off failed: ${text.trim().split('\n').at(-1)}`)
}

/** Nobody serves, loudly, until a human has said that the dead node is off. */
async function waits(stage: Stage): Promise<void> {
  const { active, standby } = stage
  const asks = /confirm-off/
  // The switch is asked some ten times, each with a patience of its own.
  const limitMs = moveLimitMs(stage) + 180_000
  await stage.until(`${standby} waits for word that ${active} is off`, limitMs, (state) =>
    asks.test(nodeOf(state, standby)?.waiting ?? ''),
  )
  await verifyNames(stage, asks, ['verify', '--limit', standby])
  if (await stage.comesTrue(20_000, ({ nodes }) => nodes.some(holdsAny))) {
    stage.wrong(`${standby} serves, although nothing confirms that ${active} is off`)
  }
  await confirmOff(stage, active)
  await untilServes(stage, standby)
}

export const switchUnreachable: Drill = {
  name: 'switch-unreachable',
  about: 'cuts the power switch of the active node, then takes its power; nobody serves until told',
  needs: ['power', 'cables'],
  moves: true,
  crash: true,
  run: async (stage) => {
    const { active, ground } = stage
    const link = switchOf(stage)
    stage.say(`${link} falls silent`)
    await ground.cut(link)
    await verifyNames(stage, /switch/)
    await stage.fault(`${active} loses its power`, () => ground.powerOff(active))
    await waits(stage)
  },
}

export const nodeAndSwitch: Drill = {
  name: 'node-and-switch',
  about:
    'takes the power from the active node and its power switch at once; nobody serves until told',
  needs: ['power', 'cables'],
  moves: true,
  crash: true,
  run: async (stage) => {
    const { active, ground } = stage
    const link = switchOf(stage)
    await stage.fault(`${active} and ${link} lose their power`, async () => {
      await ground.cut(link)
      await ground.powerOff(active)
    })
    await waits(stage)
  },
}
