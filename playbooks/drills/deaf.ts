import { must } from '../../lib/drill/index.ts'
import { promotionIsRefused, verifyNames } from './lines.ts'
import { deaf, heldMs } from './pair/limits.ts'
import { nodeOf, servingOf } from './pair/state.ts'
import type { Drill, Stage } from './pair/words.ts'
import { moveLimitMs, serves } from './planned.ts'

/** A card that sends and hears nothing: carrier stays, so that only silence tells. */
async function deafen(stage: Stage, device: string): Promise<void> {
  const node = stage.machine(stage.active)
  stage.undo(`${device} of ${stage.active} hears again`, () =>
    // Where the node was started since, its card hears already.
    must(node, `tc qdisc del dev ${device} clsact 2>/dev/null || :`),
  )
  await stage.fault(`${device} of ${stage.active} hears nothing more`, () =>
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
  run: async (stage) => {
    await deafen(stage, 'em1')
    // How long clients waited says whether that was right.
    const moved = await stage.comesTrue(2 * moveLimitMs(stage), serves(stage.standby))
    stage.say(moved ? `${stage.standby} serves` : `the service stays on ${stage.active}`)
    await verifyNames(stage, /em1/)
  },
}

export const lossEm3: Drill = {
  name: 'loss-em3',
  about:
    'lets the DRBD card of the active node hear nothing; the service stays, the peer is outdated',
  needs: ['cables'],
  moves: false,
  budgetMs: () => heldMs,
  run: async (stage) => {
    const { active, standby } = stage
    await deafen(stage, 'em3')
    await stage.until(
      `${standby} is outdated`,
      moveLimitMs(stage),
      (state) =>
        nodeOf(state, active)?.replica.connection !== 'Connected' &&
        nodeOf(state, standby)?.replica.disk === 'Outdated',
    )
    if (servingOf(await stage.ground.look())?.name !== active) {
      stage.wrong(`${active} no longer has the whole service`)
    }
    await promotionIsRefused(stage)
    await verifyNames(stage, /DRBD/)
    await stage.keepsServing(active, 10_000)
  },
}
