import { must } from '../../lib/drill/index.ts'
import { promotionIsRefused, verifyNames } from './lines.ts'
import { deaf, heldMs } from './pair/limits.ts'
import { nodeOf, servingOf } from './pair/state.ts'
import type { Drill, RoundContext } from './pair/words.ts'
import { moveLimitMs, serves } from './planned.ts'

/** A card that sends and hears nothing: carrier stays, so that only silence tells. */
async function deafen(context: RoundContext, device: string): Promise<void> {
  const node = context.machine(context.active)
  context.undo(`${device} of ${context.active} hears again`, () =>
    // Where the node was started since, its card hears already.
    must(node, `tc qdisc del dev ${device} clsact 2>/dev/null || :`),
  )
  await context.fault(`${device} of ${context.active} hears nothing more`, () =>
    must(
      node,
      `tc qdisc add dev ${device} clsact && tc filter add dev ${device} ingress matchall action drop`,
    ),
  )
}

export const lossEm1: Drill = {
  name: 'loss-em1',
  about: 'lets the service card of the active node hear nothing; clients go on, on either node',
  needs: ['cables'],
  moves: 'either',
  budgetMs: deaf,
  maxStallMs: deaf,
  run: async (context) => {
    await deafen(context, 'em1')
    // How long clients waited says whether that was right.
    const moved = await context.comesTrue(2 * moveLimitMs(context), serves(context.standby))
    context.say(moved ? `${context.standby} serves` : `the service stays on ${context.active}`)
    await verifyNames(context, /em1/)
  },
}

export const lossEm3: Drill = {
  name: 'loss-em3',
  about:
    'lets the DRBD card of the active node hear nothing; the service stays, the peer is outdated',
  needs: ['cables'],
  moves: false,
  budgetMs: () => heldMs,
  run: async (context) => {
    const { active, standby } = context
    await deafen(context, 'em3')
    await context.until(
      `${standby} is outdated`,
      moveLimitMs(context),
      (state) =>
        nodeOf(state, active)?.replica.connection !== 'Connected' &&
        nodeOf(state, standby)?.replica.disk === 'Outdated',
    )
    if (servingOf(await context.environment.look())?.name !== active) {
      context.wrong(`${active} no longer has the whole service`)
    }
    await promotionIsRefused(context)
    await verifyNames(context, /DRBD/)
    await context.keepsServing(active, 10_000)
  },
}
