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
import { handOver, takeOver } from '../cluster/handover.ts'
import { isActive, manager } from '../cluster/index.ts'
import { diskState } from '../drbd/disk.ts'
import { reconnected } from '../drbd/reconnect.ts'
import { diskReports, splitBrain } from '../drbd/split-brain.ts'
import { describe } from '../drbd/status.ts'
import { synchronised } from '../drbd/synchronise.ts'
import { guardAlone } from '../integrate/beside.ts'
import { onlyOn } from '../shared/only-on.ts'
import { drbdProgram } from '../shared/paths.ts'
import { volumesOf } from '../shared/volumes.ts'
import { forgetList, hasLeft, listSurvivor, savedFolder, saveFiles } from './save.ts'
import { askSides, follows, hasToMove, hasToStart, isServing, obstacle } from './sides.ts'

/** The site's variables and the node that `--victim` named. */
type Chosen = Site & { readonly victim: string }

/** Tens of millions of files take hours to list, and what is copied takes its time. */
const limitMs = 24 * 3_600_000

/** Lets a node serve what it has although the peer wrote alone: seconds since boot until which that holds. */
const chosenPath = '/run/tandem/chosen'

/** Gives up what one node wrote in a split brain: saves it, then makes that node follow the other. */
export default role('recover', (context: RoleContext<Chosen, Node>) => {
  const { host, vars } = context
  const peer = peerOf(context as NodeContext)
  const isVictim = host.name === vars.victim
  const survivorName = isVictim ? peer.name : host.name
  const { resource } = vars.drbd
  const progress = {
    finished: false,
    chosen: false,
    listed: false,
    saved: false,
    given: false,
    stamp: '',
  }

  const sides = (target: CheckHost) => {
    const other = target.peer(peer.name)
    return isVictim ? askSides(target, other, vars) : askSides(other, target, vars)
  }
  const proof = async (target: CheckHost) => {
    const why = obstacle(...(await sides(target)), vars.preferred)
    if (why) throw new Refusal(why)
  }
  const canBegin = async (target: CheckHost) => {
    const [victim, survivor] = await sides(target)
    if (splitBrain(victim, survivor)) {
      if (hasToMove(victim, survivor, vars.preferred)) return guardAlone(target, vars)
      if (hasToStart(victim, survivor)) return
    }
    const why = obstacle(victim, survivor, vars.preferred)
    if (why) throw new Refusal(why)
  }
  const begin = async (target: CheckHost) => {
    const [victim, survivor] = await sides(target)
    const left = await hasLeft(isVictim ? target.peer(peer.name) : target)
    // A run that was killed after the victim had begun to follow: only its end is missing.
    progress.finished = left && follows(victim, survivor)
    if (isVictim && !progress.finished) await canBegin(target)
  }
  const waitMs = manager.settlesMs(vars)
  const unfinished = (made: Task): Task => ({
    ...made,
    check: async (target) => (progress.finished ? undefined : made.check(target)),
  })
  const onVictim = (made: Task): Task => onlyOn(isVictim, unfinished(made))
  const onSurvivor = (made: Task): Task => onlyOn(!isVictim, unfinished(made))

  return [
    requirement(`there is a split brain, and ${survivorName} serves or can serve`, begin, {
      barrier: true,
    }),
    onSurvivor(
      task(`${survivorName} may serve its own data`, {
        barrier: true,
        check: async (target) => {
          const [, survivor] = await sides(target)
          if (isServing(survivor)) return undefined
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
          const [victim] = await sides(target)
          const moves = isActive(victim.holds, victim.name, vars.preferred) && isServing(victim)
          return moves ? change(`to ${peer.name}`) : undefined
        },
        disruptive: canBegin,
        apply: (target) => handOver(target, peer.name, vars, waitMs),
      }),
    ),
    onSurvivor(
      task(`the service starts on ${survivorName}`, {
        barrier: true,
        timeoutMs: 2 * waitMs,
        check: async (target) => {
          const [, survivor] = await sides(target)
          return isServing(survivor) ? undefined : change('nobody serves')
        },
        disruptive: canBegin,
        apply: (target) =>
          takeOver(
            target,
            vars,
            async () => {
              const [, survivor] = await sides(target)
              const has = isActive(survivor.holds, survivor.name, vars.preferred)
              if (has && isServing(survivor)) return true
              return `${describe(survivor.status)}, heartbeat says ${survivor.holds}`
            },
            waitMs,
          ),
      }),
    ),
    onSurvivor(
      task('the permission to serve alone has ended', {
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
      task(`DRBD on ${vars.victim} is disconnected`, {
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
      task(`${survivorName} lists its files`, {
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
              `${vars.victim}: expected ${differing} paths to be saved in ${folder}, got ${saved}: no change is given up`,
            )
          }
          target.progress(
            `${saved} files saved in ${vars.victim}:${folder}/files; ${moved} more are on ${peer.name} under another name, and ${theirs} are only on ${peer.name} (list: ${folder}/list)`,
          )
          progress.saved = true
          progress.stamp = stamp
        },
      }),
    ),
    onSurvivor(
      task('the survivor looks for its peer again', {
        barrier: true,
        check: async (target) => {
          const [report] = await diskReports([target], vars.drbd)
          return report?.status.connection === 'StandAlone' ? change('is StandAlone') : undefined
        },
        apply: async ({ sh }) => {
          await sh`${drbdProgram} connect ${resource}`
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
            if (!progress.saved) {
              throw new Refusal(
                `${vars.victim}: its files were not saved in this run, so its changes are kept`,
              )
            }
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
          await sh`drbdadm secondary ${resource} && ${drbdProgram} connect --discard-my-data ${resource}
            for second in $(seq 30); do
              case $(drbdadm cstate ${resource}) in
              WFConnection* | Unconnected* | WFReportParams*) sleep 1 ;;
              StandAlone*) break ;;
              *) exit 0 ;;
              esac
            done
            drbdadm disconnect ${resource}; echo 'the survivor did not answer' >&2; exit 1`
          progress.given = true
        },
      }),
    ),
    onlyOn(
      !isVictim,
      task(`the list of ${survivorName} is gone`, {
        barrier: true,
        check: async (target) =>
          (await hasLeft(target)) ? change('nobody needs it any more') : undefined,
        apply: forgetList,
      }),
    ),
    synchronised(vars.drbd),
    ...volumesOf(vars.drbd).slice(1).map(reconnected),
  ]
})
