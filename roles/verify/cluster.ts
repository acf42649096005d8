import { heartbeatLines, type NodeContext, peerOf } from '../../inventory/schema.ts'
import { type CheckHost, requirement, role } from '../../lib/index.ts'
import { holding, manager, serves } from '../cluster/index.ts'
import { neglected, neglectScript, resyncStep } from '../drbd/compare.ts'
import { diskReports, kinship, splitBrain } from '../drbd/split-brain.ts'
import { describe, drbdStatus, isIdle, isUpToDate } from '../drbd/status.ts'
import { notGrown } from '../grow/index.ts'
import { type Parts, parts } from '../integrate/service.ts'
import { drbdProgram } from '../shared/paths.ts'
import { stateFolder, volumesOf } from '../shared/volumes.ts'

/** S6, S9 to S13: the pair replicates, its nodes see each other, and exactly one of them serves. */
export default role('verify/cluster', (context: NodeContext) => {
  const { host: self, vars } = context
  const peer = peerOf(context)
  const lines = heartbeatLines(vars).map((line) => self.vars[line].device)
  /** What ends a state that nothing else would end: one side does not look for the other, and the data of both has one history. */
  const wayBack = async (host: CheckHost): Promise<string> => {
    if ((await drbdStatus(host, vars.drbd)).connection !== 'StandAlone') return ''
    const reports = await diskReports([host, host.peer(peer.name)], vars.drbd)
    const [one, two] = reports
    if (!one || !two || splitBrain(one, two)) return ''
    const kin = kinship(one.generations, two.generations)
    if (!['same', 'older', 'newer'].includes(kin)) return ''
    // An older Tandem has not installed the program.
    const { exitCode } = await host.$`test -x ${drbdProgram}`.nothrow()
    const connect = exitCode === 0 ? drbdProgram : 'drbdadm'
    return `: DRBD on ${self.name} does not look for ${peer.name}, although both disks have one history: type ${connect} connect ${vars.drbd.resource} on ${self.name}`
  }
  const perNode = [
    requirement('heartbeat runs', async (host) => {
      const held = await holding(host)
      if (held === 'stopped')
        throw new Error(
          'heartbeat does not run, so nothing can take over: systemctl start heartbeat',
        )
      if (held === 'transition')
        throw new Error(
          'heartbeat is taking or giving up the service: run verify again in a minute',
        )
    }),
    ...lines.map((device) =>
      requirement(`heartbeat line ${device}`, async (host) => {
        const state = await manager.line(host, peer.vars.fqdn, device)
        if (state !== 'up') throw new Error(`heartbeat line ${device} to ${peer.name} is ${state}`)
      }),
    ),
    requirement('DRBD Connected UpToDate/UpToDate oos:0', async (host) => {
      const status = await drbdStatus(host, vars.drbd)
      if (isIdle(status)) {
        const serving = status.role === 'Primary' ? self.name : peer.name
        const standby = serving === self.name ? peer.name : self.name
        throw new Error(
          `the disks differ in ${status.outOfSync} KiB (${describe(status)}): ${resyncStep(serving, standby)}`,
        )
      }
      if (isUpToDate(status)) return
      throw new Error(`DRBD is ${describe(status)}${await wayBack(host)}`)
    }),
  ]
  const [, state] = volumesOf(vars.drbd)
  if (state) {
    perNode.push(
      requirement(`${state.resource} Connected UpToDate/UpToDate oos:0`, async (host) => {
        const status = await drbdStatus(host, state)
        if (!isUpToDate(status)) {
          throw new Error(
            `the state of the service (${state.resource}) is ${describe(status)}: locks may be lost at the next move; npm run play site`,
          )
        }
      }),
    )
  }
  perNode.push(...volumesOf(vars.drbd).map(notGrown))
  // What concerns the pair is told once, by the preferred node.
  if (self.name !== vars.preferred) return perNode
  return [
    requirement('no split brain', async (host) => {
      const nodes = [host, host.peer(peer.name)]
      const [one, two] = await diskReports(nodes, vars.drbd)
      const what = one && two && splitBrain(one, two)
      if (!what) return
      const active = await Promise.all(nodes.map((node) => serves(node, vars.preferred)))
      throw new Error(`${what}. ${whatToDo(nodes, active)}`)
    }),
    ...perNode,
    ...(vars.drbd.compare === 'none'
      ? []
      : [
          requirement('both disks are compared from time to time', async ({ $ }) => {
            const { stdout } = await $`sh -c ${neglectScript}`.nothrow()
            const why = neglected(stdout)
            if (why) throw new Error(why)
          }),
        ]),
    requirement('one Primary, one address, one server, all on the same node', async (host) => {
      const nodes = [host, host.peer(peer.name)]
      const states = await Promise.all(
        nodes.map(async (node) => ({
          name: node.name,
          role: (await drbdStatus(node, vars.drbd)).role,
          active: await serves(node, vars.preferred),
          parts: await parts(node, vars),
        })),
      )
      const wrong = pairProblems(states, vars.vip.address, vars.nfs.path)
      if (wrong.length > 0) throw new Error(wrong.join('; '))
    }),
  ]
})

/** The next step out of a split brain: who may be the victim is a human's choice. */
export function whatToDo(
  nodes: readonly { readonly name: string }[],
  active: readonly boolean[],
): string {
  const [standby, ...more] = nodes.filter((_, at) => !active[at])
  const step = (name: string) => `npm run play recover-split-brain -- --victim ${name}`
  if (standby && more.length === 0) {
    return `To give up what ${standby.name} wrote alone (it is saved first), mend the lines between the nodes, then: ${step(standby.name)}`
  }
  const names = nodes.map(({ name }) => name)
  const both = active.every(Boolean) ? 'Both serve' : 'None serves'
  return `${both}: repair the lines between the nodes first. Then, while the node whose data you want to keep serves, name the other: ${names.map(step).join(' or ')}`
}

/** What one node says of itself. */
export interface NodeReport {
  readonly name: string
  readonly role: string
  /** Heartbeat says it holds the service. */
  readonly active: boolean
  readonly parts: Parts
}

/** A sentence for each thing that is not on exactly one node, the active one. */
export function pairProblems(nodes: readonly NodeReport[], vip: string, path: string): string[] {
  const active = nodes.filter((node) => node.active)
  if (active.length !== 1) {
    const holders = nodes.filter(({ parts }) => parts.vip).map(({ name }) => name)
    return [
      `expected one active node, got ${active.map(({ name }) => name).join(' and ') || 'none'}`,
      ...(holders.length > 1 ? [`address ${vip} is on ${holders.join(' and ')}`] : []),
    ]
  }
  const [serving] = active
  const on = (what: string, has: (node: NodeReport) => boolean) => {
    const where = nodes.filter(has)
    if (where.length === 1 && where[0] === serving) return []
    const got = where.map(({ name }) => name).join(' and ') || 'no node'
    return [`${what}: expected on ${serving?.name} only, got ${got}`]
  }
  return [
    ...on('DRBD Primary', (node) => node.role === 'Primary'),
    ...on(`${path} mounted`, ({ parts }) => parts.mounted),
    ...(serving?.parts.stateMounted === undefined
      ? []
      : on(`${stateFolder} mounted`, ({ parts }) => parts.stateMounted === true)),
    ...on('nfsd', ({ parts }) => parts.threads > 0),
    ...['nfsdcld', 'rpc.mountd'].flatMap((daemon) =>
      on(daemon, ({ parts }) => !parts.missing.includes(daemon)),
    ),
    ...on(`address ${vip}`, ({ parts }) => parts.vip),
    ...(serving?.parts.exportsCurrent
      ? []
      : [`${serving?.name}: the running exports are not those of /etc/exports`]),
  ]
}
