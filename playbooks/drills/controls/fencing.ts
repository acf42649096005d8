import { must } from '../../../lib/drill/index.ts'
import { linesOf } from '../isolated.ts'
import { cut } from '../lines.ts'
import type { Drill, RoundContext } from '../pair/words.ts'

const folder = '/usr/local/lib/tandem'

/** Puts another program in the place of one of ours, with its owner and mode; `restore` brings it back. */
export function replace(
  context: RoundContext,
  name: string,
  path: string,
  lines: string,
): Promise<string> {
  const text = `#!/bin/sh\n# Written by a drill's control, which breaks this pair on purpose.\n${lines}\n`
  return must(context.machine(name), `[ -e ${path} ] && cat >${path}`, { stdin: text })
}

/** Fencing that lies: it says that the peer is off and turns nothing off, and DRBD does not hold its writes. */
async function lie(context: RoundContext): Promise<void> {
  const { resource } = context.environment.plan.drbd
  for (const name of [context.active, context.standby]) {
    await replace(context, name, `${folder}/fence`, 'case $1 in status) echo on ;; esac\nexit 0')
    await must(context.machine(name), `drbdadm disk-options --fencing=resource-only ${resource}`)
  }
  context.say('both nodes call their peer off without turning it off')
}

const broken = { moves: 'either', isControl: true, spoils: true, mayBeUnsafe: true } as const

/** A frozen node that goes on is then a second server with older data. */
export const fencingOff: Drill = {
  name: 'fencing-off',
  about:
    'freezes the active node for 60 s with a fence program that reports success and turns nothing off: two nodes serve, writes are lost',
  needs: ['freeze'],
  ...broken,
  run: async (context) => {
    const { active, environment } = context
    await lie(context)
    context.undo(`${active} goes on`, () => environment.thaw(active))
    await context.fault(`${active} freezes`, () => environment.freeze(active))
    await context.watch(60_000)
    await context.heal()
    // Until each has found the other, and clients have written to whoever is left.
    await context.watch(45_000)
  },
}

/**
 * A standby that is cut off serves too. It is turned off before its lines are back: two such nodes refuse each other's
 * data, so nobody would serve, and what the writers were told could not be read back.
 */
export const isolatedFencingOff: Drill = {
  name: 'isolated-fencing-off',
  about:
    'cuts off the standby, the preferred node, with a fence program that reports success and turns nothing off: two nodes serve',
  needs: ['power', 'cables'],
  ...broken,
  // That is what the checker must see.
  mayBeUnsafe: false,
  run: async (context) => {
    await lie(context)
    const { environment, standby } = context
    const links = linesOf(standby)
    await cut(context, `${links.join(', ')} are cut: ${standby} is alone`, links)
    await context.watch(90_000)
    context.undo(`${standby} gets its power back`, () => environment.powerOn(standby))
    context.say(`${standby} is turned off`)
    await environment.powerOff(standby)
    for (const link of links) await environment.heal(link)
    await context.heal()
    await context.watch(10_000)
  },
}

/**
 * DRBD's question believed where nobody could be asked (exit code 5). The peer's disk stays UpToDate,
 * and serves without the last writes as soon as this node dies.
 */
export const answer5: Drill = {
  name: 'answer-5',
  about: 'believes the answer of a peer that was never asked, and lets it serve its old data',
  needs: ['power', 'cables'],
  ...broken,
  run: async (context) => {
    const { active, standby, environment } = context
    const { drbd, heartbeat, slow } = environment.plan
    const stand = context.machine(standby)
    const scripts = '/etc/ha.d/resource.d'
    const believe = '/usr/libexec/heartbeat/drbd-peer-outdater -t 5\nexit $?'
    await replace(context, active, `${folder}/fence-peer`, believe)
    // Serves whatever it has: what `tandem-disk` refuses, and DRBD would ask about.
    await replace(context, standby, `${folder}/fence-peer`, 'exit 5')
    await must(stand, `cp -p ${scripts}/tandem-disk ${scripts}/tandem-disk.drill`)
    await replace(
      context,
      standby,
      `${scripts}/tandem-disk`,
      `export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n[ "$1" = start ] || exec ${scripts}/tandem-disk.drill "$@"\nexec drbdsetup primary ${drbd.minor}`,
    )
    await must(stand, 'systemctl stop heartbeat', { timeoutMs: 300_000 })
    context.undo(`${active} gets its power back`, () => environment.powerOn(active))
    context.undo('em3 is connected again', () => environment.heal('em3'))
    context.say('em3 is cut, and nobody outdates the standby')
    await environment.cut('em3')
    const limitMs = (heartbeat.deadtime * 2 + 60 * slow) * 1_000
    await context.until('DRBD has noticed', limitMs, ({ nodes }) =>
      nodes.every(({ replica }) => replica.connection !== 'Connected'),
    )
    await context.pause(30_000)
    await context.fault(`${active} loses its power`, () => environment.powerOff(active))
    await must(stand, 'systemctl start heartbeat', { timeoutMs: 300_000 })
    const startMs = heartbeat.initdead * 2_000 + limitMs
    await context.until(`${standby} serves its old data`, startMs, ({ nodes }) =>
      nodes.some(({ name, vip }) => name === standby && vip),
    )
    await context.pause(15_000)
  },
}
