import { type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import { type CheckHost, requirement, role } from '../../lib/index.ts'
import { serves } from '../cluster/index.ts'
import { sizeText } from '../drbd/guard.ts'
import { beside } from '../integrate/beside.ts'
import { lacking } from '../integrate/service.ts'
import { keptOn } from '../integrate/state.ts'
import { pipefs } from '../nfs/ports.ts'
import { heartbeatUser, processesOf } from '../shared/processes.ts'
import { stateFolder, stateIn } from '../shared/volumes.ts'
import { exportFileProblems, exportProblems, parseEtab } from './exports.ts'

/** What nfsdcld has open: its database has to be the one on the disk that moves. */
export function databaseProblem(links: string, folder: string): string | undefined {
  const open = links.split('\n').find((line) => /main\.sqlite( \(deleted\))?$/.test(line))
  if (open === undefined) return 'nfsdcld has no database open: locks are lost at the next move'
  if (open === `${folder}/main.sqlite`) return undefined
  return `nfsdcld writes to ${open}, expected ${folder}/main.sqlite: locks are lost at the next move; type npm run play switchover while no client holds a lock, or restart nfsdcld`
}

/** What of /proc/fs/nfsd says how nfsd was started. */
const startedWith = ['threads', 'nfsv4gracetime', 'nfsv4leasetime', 'versions'] as const

/** A sentence for each way in which nfsd runs otherwise than nfs.conf has it now; from the files of `startedWith`, a line each. */
export function serverProblems(
  text: string,
  {
    threads,
    grace,
    lease,
    legacyClients,
  }: Pick<Site['nfs'], 'threads' | 'grace' | 'lease' | 'legacyClients'>,
): string[] {
  const [running, graces, leases, versions = ''] = text.trim().split('\n')
  // What does not run at all is told elsewhere.
  if (!running || running === '0') return []
  const has = versions.trim().split(' ').includes('+3')
  const wrong = [
    ...(Number(running) === threads ? [] : [`${running} threads (expected ${threads})`]),
    ...(Number(graces) === grace ? [] : [`a grace of ${graces} s (expected ${grace})`]),
    ...(Number(leases) === lease ? [] : [`a lease of ${leases} s (expected ${lease})`]),
    ...(has === legacyClients
      ? []
      : [`NFS 3 ${has ? 'on' : 'off'} (expected ${has ? 'off' : 'on'})`]),
  ]
  return wrong.map(
    (what) => `nfsd runs with ${what}: npm run play switchover starts it anew on the other node`,
  )
}

/** What is left on the disk of the service's state, from `stat -f -c '%S %a %d %c'`: a client that cannot be noted loses its locks. */
export function roomProblem(text: string, folder: string): string[] {
  const [block, blocks, inodes, all] = text.trim().split(' ').map(Number)
  if (block === undefined || blocks === undefined || inodes === undefined || all === undefined) {
    throw new Error(`${folder}: expected the room that is left, got ${JSON.stringify(text)}`)
  }
  const bytes = block * blocks
  return [
    ...(bytes < 4 * 1024 ** 2 ? [`${folder} has ${sizeText(bytes)} left`] : []),
    ...(inodes < all / 10 ? [`${folder} has ${inodes} of ${all} inodes left`] : []),
  ].map((what) => `${what}: locks of clients that cannot be noted there are lost at the next move`)
}

/** S12 and S13: what the node that serves has running is what the inventory says, whatever its files say. */
export default role('verify/service', (context: NodeContext) => {
  const { host: self, vars } = context
  const { nfs, vip } = vars
  const peer = peerOf(context)
  const whileServing = (title: string, look: (host: CheckHost) => Promise<readonly string[]>) =>
    requirement(title, async (host) => {
      if (!(await serves(host, vars.preferred))) return
      const wrong = await look(host)
      if (wrong.length > 0) throw new Error(wrong.join('; '))
    })
  return [
    requirement('heartbeat has its helpers', async (host) => {
      const helpers = ['ipfail', 'dopd']
      const found = await processesOf(host, ['heartbeat', ...helpers], ['root', heartbeatUser])
      const running = new Set(found.map(({ name }) => name))
      if (!running.has('heartbeat')) return
      const missing = helpers.filter((name) => !running.has(name))
      if (missing.length > 0) {
        throw new Error(
          `${missing.join(' and ')} ${missing.length > 1 ? 'do' : 'does'} not run beside heartbeat on ${self.name}: systemctl restart heartbeat there, while ${peer.name} serves`,
        )
      }
    }),
    whileServing('the running exports are those of the inventory', async ({ $ }) => {
      const { stdout } = await $`cat /var/lib/nfs/etab`
      return exportProblems(parseEtab(stdout), nfs.path, nfs.clients, [...nfs.options, 'fsid=1'])
    }),
    // On both: a standby reads its files when it takes over.
    requirement('no other line exports the share', async ({ $ }) => {
      const { stdout } = await $`grep -sH '' /etc/exports /etc/exports.d/*.exports`.nothrow()
      const wrong = exportFileProblems(stdout, nfs.path, nfs.clients)
      if (wrong.length > 0) throw new Error(wrong.join('; '))
    }),
    whileServing('nfsd was started with what the inventory says', async ({ $ }) => {
      const { stdout } = await $`cd /proc/fs/nfsd && cat ${startedWith}`.nothrow()
      return serverProblems(stdout, nfs)
    }),
    whileServing(`${nfs.path} is mounted as it should be`, async (host) => {
      const missing = await lacking(host, vars)
      return missing.length > 0
        ? [`${nfs.path} is mounted without ${missing.join(', ')}: npm run play site mends it`]
        : []
    }),
    whileServing('nfsd keeps its clients on the disk that moves', async (host) => {
      const { $ } = host
      const [threads, found, pipe] = await Promise.all([
        $`cat /proc/fs/nfsd/threads`.nothrow(),
        processesOf(host, ['nfsdcld']),
        $`test -e ${`${pipefs}/nfsd/cld`}`.nothrow(),
      ])
      // What does not run at all is told elsewhere.
      if (!(Number(threads.stdout) > 0) || found.length === 0) return []
      const pids = found.map(({ pid }) => pid)
      const links =
        await $`for one in ${pids}; do ls -l /proc/$one/fd | sed -n 's/^.* -> //p'; done; true`
      const hidden =
        vars.drbd.stateDisk !== undefined && (await keptOn(host, vars)) === 'elsewhere'
          ? `nfsdcld does not keep its memory on the disk of drbd.stateDisk: locks are lost at the next move`
          : undefined
      const wrong = databaseProblem(links.stdout, `${stateIn(vars)}/.nfsdcld`) ?? hidden
      return [
        ...(wrong === undefined ? [] : [wrong]),
        ...(pipe.exitCode === 0
          ? []
          : [
              'nfsd was started without nfsdcld and keeps its clients on this node alone: locks are lost at the next move',
            ]),
      ]
    }),
    ...(vars.drbd.stateDisk === undefined
      ? []
      : [
          whileServing(`${stateFolder} has room`, async ({ $ }) => {
            const { stdout } = await $`stat -f -c '%S %a %d %c' ${stateFolder}`
            return roomProblem(stdout, stateFolder)
          }),
        ]),
    whileServing('nothing else uses the share', (host) => beside(host, vars)),
    whileServing('nobody else has the address', async ({ $ }) => {
      // This node's own other cards may answer too, where they are on the same network.
      const { stdout } =
        await $`arping -D -c 2 -w 3 -I ${vip.device} ${vip.address}; cat /sys/class/net/*/address`.nothrow()
      const [told = '', own = ''] = stdout.split(/^Received .*$/m)
      const others = [...told.matchAll(/\[([0-9a-f:]{17})\]/gi)].filter(
        ([, mac = '']) => !own.toLowerCase().includes(mac.toLowerCase()),
      )
      return others.length === 0
        ? []
        : [
            `another machine on ${vip.device} answers for ${vip.address}: find it (arping -I ${vip.device} ${vip.address} on ${peer.name}) and take the address from it`,
          ]
    }),
  ]
})
