import { verifyNames } from './lines.ts'
import { holdsAny, nodeOf } from './pair/state.ts'
import type { Drill, RoundContext } from './pair/words.ts'
import { moveLimitMs, untilServes } from './planned.ts'

/** The power switch of the active node; both get back what the drill takes from them. */
function switchOf({ active, environment, undo }: RoundContext): string {
  const link = `bmc-${active}`
  undo(`${active} gets its power back`, () => environment.powerOn(active))
  undo(`${link} answers again`, () => environment.heal(link))
  return link
}

/** Says, as an administrator who has seen it, that a node is off; on the one that waits for it. */
async function confirmOff(context: RoundContext, dead: string): Promise<void> {
  context.say(`an administrator confirms that ${dead} is off`)
  const { code, text } = await context.play(['confirm-off', dead, '--confirm', dead])
  if (code !== 0) context.wrong(`confirm-off failed: ${text.trim().split('\n').at(-1)}`)
}

/** Nobody serves, loudly, until a human has said that the dead node is off. */
async function waits(context: RoundContext): Promise<void> {
  const { active, standby } = context
  const asks = /confirm-off/
  // The switch is asked some ten times, each with a patience of its own.
  const limitMs = moveLimitMs(context) + 180_000
  await context.until(`${standby} waits for confirmation that ${active} is off`, limitMs, (state) =>
    asks.test(nodeOf(state, standby)?.waiting ?? ''),
  )
  await verifyNames(context, asks, ['verify', '--limit', standby])
  if (await context.comesTrue(20_000, ({ nodes }) => nodes.some(holdsAny))) {
    context.wrong(`${standby} serves, although nothing confirms that ${active} is off`)
  }
  await confirmOff(context, active)
  await untilServes(context, standby)
}

export const switchUnreachable: Drill = {
  name: 'switch-unreachable',
  about:
    'cuts the line to the power switch of the active node, then its power; nobody serves until confirm-off',
  needs: ['power', 'cables'],
  moves: true,
  crash: true,
  run: async (context) => {
    const { active, environment } = context
    const link = switchOf(context)
    context.say(`${link} falls silent`)
    await environment.cut(link)
    await verifyNames(context, /switch/)
    await context.fault(`${active} loses its power`, () => environment.powerOff(active))
    await waits(context)
  },
}

export const nodeAndSwitch: Drill = {
  name: 'node-and-switch',
  about:
    'takes the power from the active node and its power switch at once; nobody serves until confirm-off',
  needs: ['power', 'cables'],
  moves: true,
  crash: true,
  run: async (context) => {
    const { active, environment } = context
    const link = switchOf(context)
    await context.fault(`${active} and ${link} lose their power`, async () => {
      await environment.cut(link)
      await environment.powerOff(active)
    })
    await waits(context)
  },
}
