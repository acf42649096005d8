import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import {
  change,
  directory,
  requirement,
  role,
  type Task,
  task,
  templates,
} from '../../lib/index.ts'
import { manager, managerWords } from '../cluster/index.ts'
import { mountOptions, stateOptions } from '../drbd/filesystem.ts'
import { resourceFile } from '../drbd/narrow.ts'
import { fence } from '../fencing/configure.ts'
import { isFenced } from '../fencing/switch.ts'
import { pipefs, ports } from '../nfs/ports.ts'
import { libFolder } from '../shared/paths.ts'
import { type Volume, volumesOf } from '../shared/volumes.ts'

const template = templates(import.meta.dirname)
const scripts = '/etc/ha.d/resource.d'
const script = { mode: 0o755 }
const serviceLock = '/run/tandem/service.lock'

/**
 * How long a step of the service may take, in seconds: a mount may have a journal to replay, and the end of one has all to
 * write that is not on the disk yet.
 */
const limits = { start: 300, stop: 300, vip: 60, disk: 60 } as const

/** S13: what heartbeat moves, and the scripts it moves it with. */
export default role(
  'integrate/resources',
  (context: NodeContext) => {
    const { host, others, vars } = context
    const preferred = [host, ...others].find(({ name }) => name === vars.preferred)
    if (!preferred) throw new Error(`vars.preferred: no node is called ${vars.preferred}`)
    return [...scripted(context), manager.starts(preferred.vars.fqdn, ['tandem-service'])]
  },
  { broughtBy: ['integrate/watch', 'integrate/service'] },
)

function scripted(context: NodeContext): Task[] {
  const { drbd, heartbeat, nfs } = context.vars
  const [, state] = volumesOf(drbd)
  const resource = (name: string, data: object) =>
    template(name, `${scripts}/${name}`, data, script)
  return [
    ...(state ? [isConfigured(state)] : []),
    directory(libFolder, { mode: 0o755 }),
    resource('tandem-disk', {
      resource: drbd.resource,
      fence,
      switch: isFenced(context),
      ...managerWords(peerOf(context).vars.fqdn),
      // A peer that vanished is noticed by DRBD within its ping interval, by heartbeat after deadtime.
      tries: 15,
      // What a watchdog, or the watch of a node that is cut off, needs to end such a node.
      hung: heartbeat.deadtime + 25,
    }),
    resource('tandem-nfs', {
      ...nfs,
      drbd,
      mountOptions: mountOptions.join(','),
      stateDevice: state?.device ?? '',
      stateMinor: state?.minor ?? '',
      stateOptions: stateOptions.join(','),
      domain: 'tandem-nfs',
      ports,
      pipefs,
    }),
    resource('tandem-vip', {
      tickle: '/usr/libexec/heartbeat/tickle_tcp',
      legacyClients: nfs.legacyClients,
    }),
    ...(state ? [] : [stateInShare]),
    lockOfRoot,
    resource('tandem-service', { limits, turn: Math.max(...Object.values(limits)) + 10 }),
  ]
}

/** An older Tandem made it so that any user of the node could hold it, and with it every start and stop. */
const lockOfRoot = task('only root can hold the lock of the service', {
  check: async ({ $ }) => {
    const { stdout } = await $`stat -c %a ${serviceLock}`.nothrow()
    const mode = stdout.trim()
    return mode === '' || mode === '600' ? undefined : change(`${serviceLock} has mode ${mode}`)
  },
  apply: async ({ sh }) => {
    await sh`chmod 600 ${serviceLock}`
  },
})

/** A role that is played alone does not make the disk that its scripts look for. */
const isConfigured = ({ resource }: Volume) =>
  requirement(`${resource} is configured`, async ({ $, name }) => {
    if ((await $`test -e ${resourceFile(resource)}`.nothrow()).exitCode === 0) return
    // No Refusal: a check on new machines names it before it is made.
    throw new Error(
      `${name}: expected DRBD to know ${resource}, got no ${resourceFile(resource)}, and the scripts need that disk: npm run play site makes it`,
    )
  })

/** Told by every run, as a pair without power switches is. */
const stateInShare = requirement('no disk for the state of the service', async () => {}, {
  notice:
    'This pair keeps its memory of clients and their locks in the share (no drbd.stateDisk in the inventory): root on any client can change or delete that memory',
})
