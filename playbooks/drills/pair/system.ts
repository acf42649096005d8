import { manager } from '../../../roles/cluster/index.ts'
import { counterScript } from './counter.ts'
import { lookAt } from './look.ts'
import { logScript, readLogs } from './marks.ts'
import { noteOf, parts } from './parts.ts'
import { phases, phasesOf } from './phases.ts'
import { fsckProblems, verifyProblems } from './proofs.ts'
import {
  holdsAny,
  isSettled,
  notWhole,
  type PairPlan,
  servingOf,
  stateText,
  superfluous,
  unsafe,
} from './state.ts'
import type { System } from './words.ts'

/** A pair as the drills see it. */
export function pairSystem(plan: PairPlan): System {
  const { client, grace, heartbeat, movesBack, nodes, recipe, slow } = plan
  return {
    recipe,
    nodes: [nodes[0].name, nodes[1].name],
    client: client.name,
    slow,
    facts: { deadtime: `${heartbeat.deadtime} s`, grace: `${grace} s` },
    movesBack,
    wholeLimitMs: (2 * heartbeat.initdead + 120 * slow) * 1_000,
    // Heartbeat may still be at work on the node that gave the service away.
    moveLimitMs: (heartbeat.deadtime + 30 * slow) * 1_000,
    move: ['switchover'],
    stop: 'systemctl stop heartbeat',
    whereToLook: `npm run play verify; dmesg and ${manager.log} of both nodes; ${client.mountPoint}/.tandem-drill on the client`,
    folders: { client: client.mountPoint, node: plan.path },
    counter: { script: counterScript, name: 'nfsd' },
    look: (machines, watcher, options) => lookAt(machines, watcher, plan, options),
    unsafe,
    notWhole,
    serving: (state) => servingOf(state)?.name,
    holders: (state) => state.nodes.filter(holdsAny).map(({ name }) => name),
    superfluous: (state) => superfluous(state).map(({ name }) => name),
    isCalm: (state) => servingOf(state) !== undefined && state.nodes.every(isSettled),
    hasLeft: (state, node) =>
      servingOf(state)?.name !== node && state.nodes.some(({ name, vip }) => vip && name !== node),
    text: stateText,
    logScript,
    readLogs,
    phases,
    phasesOf,
    parts,
    noteOf,
    compare: (environment, serving, pause) => verifyProblems(environment, plan, serving, pause),
    checkStandby: (environment, serving) => fsckProblems(environment, plan, serving),
  }
}
