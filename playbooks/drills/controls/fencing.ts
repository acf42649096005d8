import { must } from '../../../lib/drill/index.ts'
import { linesOf } from '../isolated.ts'
import { cut } from '../lines.ts'
import type { Drill, Stage } from '../pair/words.ts'

const folder = '/usr/local/lib/tandem'

/** Puts another program in the place of one of ours, with its owner and mode; `restore` brings it back. */
export function replace(stage: Stage, name: string, path: string, lines: string): Promise<string> {
  const text = `#!/bin/sh\n# Written by a drill's control, which breaks this pair on purpose.\n${lines}\n`
  return must(stage.machine(name), `[ -e ${path} ] && cat >${path}`, { stdin: text })
}

/** Fencing that lies: it says that the peer is off and turns nothing off, and DRBD does not hold its writes. */
async function lie(stage: Stage): Promise<void> {
  const { resource } = stage.ground.plan.drbd
  for (const name of [stage.active, stage.standby]) {
    await replace(stage, name, `${folder}/fence`, 'case $1 in status) echo on ;; esac\nexit 0')
    await must(stage.machine(name), `drbdadm disk-options --fencing=resource-only ${resource}`)
  }
  stage.say('both nodes call their peer off without turning it off')
}

const broken = { moves: 'either', isControl: true, spoils: true, mayBeUnsafe: true } as const

/** A frozen node that goes on is then a second server with older data. */
export const fencingOff: Drill = {
  name: 'fencing-off',
  about:
    'freezes the active node for 60 s with a fencing that lies: two nodes serve, writes are lost',
  needs: ['freeze'],
  ...broken,
  run: async (stage) => {
    const { active, ground } = stage
    await lie(stage)
    stage.undo(`${active} goes on`, () => ground.thaw(active))
    await stage.fault(`${active} freezes`, () => ground.freeze(active))
    await stage.watch(60_000)
    await stage.heal()
    // Until each has found the other, and clients have written to whoever is left.
    await stage.watch(45_000)
  },
}

/** A standby that is cut off serves too, and wins when the lines are back: heartbeat prefers it. */
export const isolatedFencingOff: Drill = {
  name: 'isolated-fencing-off',
  about: 'cuts off the standby, the preferred node, with a fencing that lies: it serves old data',
  needs: ['cables'],
  ...broken,
  run: async (stage) => {
    await lie(stage)
    const links = linesOf(stage.standby)
    await cut(stage, `${links.join(', ')} are cut: ${stage.standby} is alone`, links)
    await stage.watch(90_000)
    await stage.heal()
    // Until both heartbeats have started anew, and clients have written to whoever is left.
    await stage.watch((stage.ground.plan.heartbeat.initdead + 60) * 1_000)
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
  run: async (stage) => {
    const { active, standby, ground } = stage
    const { drbd, heartbeat, slow } = ground.plan
    const stand = stage.machine(standby)
    const scripts = '/etc/ha.d/resource.d'
    const believe = '/usr/libexec/heartbeat/drbd-peer-outdater -t 5\nexit $?'
    await replace(stage, active, `${folder}/fence-peer`, believe)
    // Serves whatever it has: what `tandem-disk` refuses, and DRBD would ask about.
    await replace(stage, standby, `${folder}/fence-peer`, 'exit 5')
    await must(stand, `cp -p ${scripts}/tandem-disk ${scripts}/tandem-disk.drill`)
    await replace(
      stage,
      standby,
      `${scripts}/tandem-disk`,
      `export PATH=/usr/sbin:/usr/bin:/sbin:/bin\n[ "$1" = start ] || exec ${scripts}/tandem-disk.drill "$@"\nexec drbdsetup primary ${drbd.minor}`,
    )
    await must(stand, 'systemctl stop heartbeat', { timeoutMs: 300_000 })
    stage.undo(`${active} gets its power back`, () => ground.powerOn(active))
    stage.undo('em3 is connected again', () => ground.heal('em3'))
    stage.say('em3 is cut, and nobody outdates the standby')
    await ground.cut('em3')
    const limitMs = (heartbeat.deadtime * 2 + 60 * slow) * 1_000
    await stage.until('DRBD has noticed', limitMs, ({ nodes }) =>
      nodes.every(({ replica }) => replica.connection !== 'Connected'),
    )
    await stage.pause(30_000)
    await stage.fault(`${active} loses its power`, () => ground.powerOff(active))
    await must(stand, 'systemctl start heartbeat', { timeoutMs: 300_000 })
    const startMs = heartbeat.initdead * 2_000 + limitMs
    await stage.until(`${standby} serves its old data`, startMs, ({ nodes }) =>
      nodes.some(({ name, vip }) => name === standby && vip),
    )
    await stage.pause(15_000)
  },
}
