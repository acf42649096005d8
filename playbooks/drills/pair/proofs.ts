import { type Machines, machineOf, must } from '../../../lib/drill/index.ts'
import { describe } from '../../../roles/drbd/status.ts'
import { drbdProgram } from '../../../roles/shared/paths.ts'
import { stateFolder } from '../../../roles/shared/volumes.ts'
import { replicaOf } from './look.ts'
import type { PairPlan } from './state.ts'

/** Lets DRBD compare both disks while the service goes on; a sentence for what differs. */
export async function verifyProblems(
  environment: Machines,
  plan: PairPlan,
  serving: string,
  pause: (ms: number) => Promise<void>,
): Promise<string[]> {
  const { drbd, slow } = plan
  const node = machineOf(environment, serving)
  const look = async () => replicaOf(await must(node, 'cat /proc/drbd'), drbd.minor)
  const limitMs = 600_000 * slow
  const until = Date.now() + limitMs
  // DRBD's own control of the rate starts low and stays there: here it took three times as long.
  const full = `--c-plan-ahead=0 --resync-rate=${drbd.maxRate}`
  try {
    await must(
      node,
      `drbdadm disk-options ${full} ${drbd.resource} && drbdadm verify ${drbd.resource}`,
    )
    let now = await look()
    while (/^Verify/.test(now.connection)) {
      if (Date.now() > until) {
        return [`the comparison of both disks did not end within ${limitMs / 60_000} min`]
      }
      await pause(1_000)
      now = await look()
    }
    if (now.connection === 'Connected' && now.outOfSync === 0) return []
    return [`the disks differ: ${describe(now)}`]
  } finally {
    await must(node, `${drbdProgram} adjust ${drbd.resource}`)
  }
}

/**
 * Checks the filesystems on the standby's own disks. Each is frozen on the node that serves for that
 * time: its journal is then empty, no write is under way, and nothing needs a snapshot.
 */
export async function fsckProblems(
  environment: Machines,
  { drbd, path, slow }: PairPlan,
  serving: string,
): Promise<string[]> {
  const timeoutMs = 120_000 * slow
  const share = await fsck(environment, serving, { disk: drbd.disk, path, timeoutMs })
  if (drbd.stateDisk === undefined) return share
  return [
    ...share,
    ...(await fsck(environment, serving, { disk: drbd.stateDisk, path: stateFolder, timeoutMs })),
  ]
}

async function fsck(
  environment: Machines,
  serving: string,
  { disk, path, timeoutMs }: { disk: string; path: string; timeoutMs: number },
): Promise<string[]> {
  const server = machineOf(environment, serving)
  const standby = environment.nodes.find(({ name }) => name !== serving)
  if (!standby) return ['there is no other node']
  const seconds = Math.round(timeoutMs / 1000)
  // Thaws by itself where nobody is left to say so.
  await must(
    server,
    `sync -f '${path}' && fsfreeze -f '${path}' && { setsid sh -c 'sleep ${seconds}; fsfreeze -u "${path}"' </dev/null >/dev/null 2>&1 & echo $! >/run/tandem-thaw; }`,
  )
  try {
    // DRBD writes past the page cache: what an earlier look left there is old.
    const script = `sync; echo 3 >/proc/sys/vm/drop_caches; PATH=/usr/sbin:/usr/bin:/sbin:/bin e2fsck -fn '${disk}' 2>&1`
    const { stdout, exitCode } = await standby.run(script, { timeoutMs })
    if (exitCode === 0) return []
    const told = stdout.trim().split('\n').slice(-6).join('; ')
    return [
      `the filesystem of ${path} on ${standby.name} is not clean (e2fsck exit code ${exitCode}): ${told}`,
    ]
  } finally {
    await must(
      server,
      `fsfreeze -u '${path}'; read -r pid </run/tandem-thaw && kill -- -"$pid" 2>/dev/null; rm -f /run/tandem-thaw; :`,
    )
  }
}
