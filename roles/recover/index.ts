import { type Node, type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import {
  type CheckHost,
  change,
  Refusal,
  type RoleContext,
  requirement,
  role,
  type Task,
  task,
} from '../../lib/index.ts'
import { onlyOn } from '../base/only-on.ts'
import { diskState } from '../drbd/disk.ts'
import { type DiskReport, diskReports, splitBrain } from '../drbd/split-brain.ts'
import { describe } from '../drbd/status.ts'
import { synchronised } from '../drbd/synchronise.ts'
import { type Holding, holding, isActive, isSettled } from '../heartbeat/status.ts'
import { handOver } from '../integrate/active.ts'
import { forgetList, listSurvivor, savedFolder, saveFiles } from './save.ts'

/** The site's variables and the node that `--victim` named. */
type Chosen = Site & { readonly victim: string }

/** Tens of millions of files take hours to list, and what is copied takes its time. */
const limitMs = 24 * 3_600_000

/** Lets a node serve what it has although the peer wrote alone: seconds since boot until which that holds. */
const chosenPath = '/run/tandem/chosen'

type Side = DiskReport & { readonly holds: Holding }

/** Whether the victim serves, and the survivor could instead: then the service has to move first. */
export function hasToMove(victim: Side, survivor: Side, preferred: string): boolean {
  const able = ['UpToDate', 'Consistent', 'Outdated'].includes(survivor.status.disk)
  return (
    isActive(victim.holds, victim.name, preferred) &&
    isSettled(survivor.holds) &&
    survivor.status.role === 'Secondary' &&
    able
  )
}

/** Why the victim may not be given up now; undefined where it may. */
export function obstacle(victim: Side, survivor: Side, preferred: string): string | undefined {
  if (!splitBrain(victim, survivor)) {
    return `this is no split brain: ${victim.name} is ${describe(victim.status)}, ${survivor.name} is ${describe(survivor.status)}; npm run play verify tells what is wrong`
  }
  const stopped = [victim, survivor].find(({ holds }) => holds === 'stopped')
  if (stopped) {
    return `heartbeat does not run on ${stopped.name}: after a partition it restarts by itself within a minute or two; else start it there (systemctl start heartbeat)`
  }
  if (victim.holds === 'transition' || survivor.holds === 'transition') {
    return 'heartbeat is in transition: run it again in a minute'
  }
  if (isActive(victim.holds, victim.name, preferred)) {
    return `${victim.name} serves the clients now, and ${survivor.name} (${describe(survivor.status)}, heartbeat says ${survivor.holds}) cannot: take ${survivor.name} as the victim (--victim ${survivor.name}), or mend ${survivor.name} first`
  }
  if (victim.status.role !== 'Secondary') {
    return `${victim.name} is ${victim.status.role}: someone uses its disk; unmount it and drbdadm secondary first`
  }
  if (victim.status.disk === 'Diskless' || survivor.status.disk !== 'UpToDate') {
    return `the survivor's disk must be UpToDate and the victim's attached: ${survivor.name} is ${describe(survivor.status)}, ${victim.name} is ${describe(victim.status)}`
  }
  if (!isActive(survivor.holds, survivor.name, preferred)) {
    return `${survivor.name} does not serve: start the service there first (on ${survivor.name}: /usr/share/heartbeat/hb_takeover)`
  }
  return undefined
}

/** Gives up what one node wrote in a split brain: saves it, then makes that node follow the other. */
export default role('recover', (context: RoleContext<Chosen, Node>) => {
  const { host, vars } = context
  const peer = peerOf(context as NodeContext)
  const isVictim = host.name === vars.victim
  const { resource } = vars.drbd
  const progress = { chosen: false, listed: false, saved: false, given: false, stamp: '' }

  const sides = async (target: CheckHost): Promise<readonly [Side, Side]> => {
    const hosts = [target, target.peer(peer.name)]
    const [[victim, survivor], [mine, theirs]] = await Promise.all([
      diskReports(hosts, vars.drbd),
      Promise.all(hosts.map(holding)),
    ])
    if (!victim || !survivor || !mine || !theirs) throw new Error('expected two nodes')
    return [
      { ...victim, holds: mine },
      { ...survivor, holds: theirs },
    ]
  }
  const proof = async (target: CheckHost) => {
    const why = obstacle(...(await sides(target)), vars.preferred)
    if (why) throw new Refusal(why)
  }
  const canBegin = async (target: CheckHost) => {
    const [victim, survivor] = await sides(target)
    if (splitBrain(victim, survivor) && hasToMove(victim, survivor, vars.preferred)) return
    const why = obstacle(victim, survivor, vars.preferred)
    if (why) throw new Refusal(why)
  }
  const waitMs = (2 * vars.heartbeat.initdead + 120) * 1_000
  const onVictim = (made: Task): Task => onlyOn(isVictim, made)
  const onSurvivor = (made: Task): Task => onlyOn(!isVictim, made)

  return [
    onVictim(
      requirement('a split brain, whose survivor serves or can', canBegin, { barrier: true }),
    ),
    onSurvivor(
      task(`${isVictim ? peer.name : host.name} may serve its own data`, {
        barrier: true,
        check: async (target) => {
          const theirs = await holding(target.peer(peer.name))
          if (!isActive(theirs, peer.name, vars.preferred)) return
          return progress.chosen ? undefined : change(`instead of ${peer.name}`)
        },
        apply: async ({ sh }) => {
          // Only for as long as the move may take: whoever promotes it later must ask anew.
          await sh`read -r up _ </proc/uptime; echo $((\${up%.*} + ${waitMs / 1000})) >${chosenPath}`
          progress.chosen = true
        },
      }),
    ),
    onVictim(
      task(`the service moves away from ${vars.victim}`, {
        barrier: true,
        timeoutMs: 2 * waitMs,
        check: async (target) => {
          const mine = await holding(target)
          return isActive(mine, target.name, vars.preferred) ? change(`to ${peer.name}`) : undefined
        },
        disruptive: canBegin,
        apply: (target) => handOver(target, peer.name, vars, waitMs),
      }),
    ),
    onSurvivor(
      task('nobody is chosen any more', {
        barrier: true,
        check: async ({ $ }) => {
          const { exitCode } = await $`test -e ${chosenPath}`.nothrow()
          return exitCode === 0 ? change('the service has moved') : undefined
        },
        apply: async ({ sh }) => {
          await sh`rm -f ${chosenPath}`
        },
      }),
    ),
    onVictim(requirement('the survivor serves', proof, { barrier: true })),
    onVictim(
      task(`${vars.victim} stands aside`, {
        barrier: true,
        check: async (target) => {
          const [report] = await diskReports([target], vars.drbd)
          return report?.status.connection === 'StandAlone'
            ? undefined
            : change('does not look for its peer')
        },
        apply: async ({ sh }) => {
          await sh`drbdadm disconnect ${resource}`
        },
      }),
    ),
    onSurvivor(
      task(`${isVictim ? peer.name : host.name} lists its files`, {
        barrier: true,
        timeoutMs: limitMs,
        check: async () => (progress.listed ? undefined : change('its files are listed')),
        apply: async (target) => {
          await listSurvivor(target, vars)
          progress.listed = true
        },
      }),
    ),
    onVictim(
      task(`what only ${vars.victim} has is saved there`, {
        barrier: true,
        timeoutMs: limitMs,
        check: async () =>
          progress.saved ? undefined : change(`is copied to ${vars.victim}:${savedFolder}`),
        apply: async (target) => {
          const { stamp } = await diskState(target, vars.drbd.disk)
          const { differing, saved, moved, theirs, folder } = await saveFiles(
            target,
            peer.name,
            vars,
          )
          if (saved !== differing) {
            throw new Refusal(
              `${vars.victim}: ${differing} paths differ and ${saved} were saved in ${folder}: nothing is given up`,
            )
          }
          target.progress(
            `${saved} files saved in ${vars.victim}:${folder}/files; ${moved} more are on ${peer.name} under another name, ${theirs} are only there (${folder}/list)`,
          )
          progress.saved = true
          progress.stamp = stamp
        },
      }),
    ),
    onSurvivor(
      task('the survivor takes it up again', {
        barrier: true,
        check: async (target) => {
          const [report] = await diskReports([target], vars.drbd)
          return report?.status.connection === 'StandAlone' ? change('is StandAlone') : undefined
        },
        apply: async ({ sh }) => {
          await sh`drbdadm connect ${resource}`
        },
      }),
    ),
    onVictim(
      task(`${vars.victim} gives up its changes`, {
        barrier: true,
        check: async () =>
          progress.given ? undefined : change('follows the other node from now on'),
        destroys: {
          what: `what ${vars.victim} wrote alone`,
          proof: async (target) => {
            await proof(target)
            if (!progress.saved) throw new Refusal('its files were not saved in this run')
            if ((await diskState(target, vars.drbd.disk)).stamp !== progress.stamp) {
              throw new Refusal(
                `${vars.victim}: its disk was written to since its files were saved: run this again`,
              )
            }
          },
        },
        apply: async ({ sh }) => {
          // It is good for the next connection only, whenever that comes: where the survivor is not there now, it must
          // not be left behind for one that comes after the victim has served again.
          await sh`drbdadm secondary ${resource} && drbdadm connect --discard-my-data ${resource}
            for second in $(seq 30); do
              case $(drbdadm cstate ${resource}) in
              WFConnection | Unconnected | WFReportParams) sleep 1 ;;
              StandAlone) break ;;
              *) exit 0 ;;
              esac
            done
            drbdadm disconnect ${resource}; echo 'the survivor did not answer' >&2; exit 1`
          progress.given = true
        },
      }),
    ),
    onSurvivor(
      task(`the list of ${isVictim ? peer.name : host.name} is gone`, {
        barrier: true,
        check: async () => (progress.listed ? change('nobody needs it any more') : undefined),
        apply: async (target) => {
          await forgetList(target, vars)
          progress.listed = false
        },
      }),
    ),
    synchronised(vars.drbd),
  ]
})
