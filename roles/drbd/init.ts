import { type NodeContext, peerOf, type Site } from '../../inventory/schema.ts'
import {
  type CheckHost,
  change,
  directory,
  Refusal,
  requirement,
  role,
  type Task,
  task,
  waitUntil,
} from '../../lib/index.ts'
import { diskState, guardDisk, isBlank, markerPath } from './disk.ts'
import {
  describe,
  drbdStatus,
  isConnected,
  isFirstGeneration,
  isJustCreated,
  isUpToDate,
  parseGenerations,
} from './status.ts'

type Drbd = Site['drbd']

/** S9 and S10: metadata, first synchronisation and filesystem, once, and only on blank disks. */
export default role('drbd/init', (context: NodeContext) => {
  const { host, vars } = context
  const peer = peerOf(context)
  // Done once for the pair; the other node only waits at the same barrier.
  const once = (made: Task): Task =>
    host.name === vars.preferred ? made : { ...made, check: async () => undefined }
  return [
    metadata(vars.drbd, peer.name),
    ...running(vars.drbd),
    connection(vars.drbd),
    once(initialSync(vars.drbd, peer.name)),
    synchronised(vars.drbd),
    once(filesystem(vars.drbd, peer.name)),
    directory(vars.nfs.path, { mode: 0o755 }),
  ]
})

async function generations(host: CheckHost, { resource }: Drbd) {
  return parseGenerations((await host.$`drbdadm get-gi ${resource}`).stdout)
}

function metadata(drbd: Drbd, peerName: string): Task {
  return task(`metadata on ${drbd.disk}`, {
    // The peer's disk is looked at too, so both must have come this far.
    barrier: true,
    check: async (host) => {
      const state = await diskState(host, drbd.disk)
      guardDisk(state, host.name, drbd.disk)
      return isBlank(state) ? change('no metadata yet') : undefined
    },
    destroys: {
      what: drbd.disk,
      proof: async (host) => {
        const [here, there] = await Promise.all([
          diskState(host, drbd.disk),
          diskState(host.peer(peerName), drbd.disk),
        ])
        if (!isBlank(here)) throw new Refusal(`${host.name}: ${drbd.disk} is not blank any more`)
        guardDisk(there, peerName, drbd.disk)
      },
    },
    apply: async ({ sh, write }) => {
      // First the note that this disk is ours: a run that dies in between must not meet its own
      // metadata as a stranger's. A blank disk with the note on it is still only a blank disk.
      await sh`mkdir -p -m 0755 /var/lib/tandem`
      await write(markerPath, `${drbd.disk}\n`, { mode: 0o644 })
      // Never --force: where drbdadm itself sees data it asks, gets no answer, and stops.
      await sh`drbdadm create-md ${drbd.resource} </dev/null`
    },
  })
}

function running(drbd: Drbd): Task[] {
  return [
    task(`resource ${drbd.resource} is up`, {
      check: async (host) => {
        const status = await drbdStatus(host, drbd.minor)
        if (status.connection === 'Unconfigured') return change('down')
        if (status.disk === 'Diskless') {
          throw new Refusal(
            `${host.name}: DRBD runs without its disk (${describe(status)}): look at ${drbd.disk}, then drbdadm attach ${drbd.resource}`,
          )
        }
        return
      },
      apply: async ({ sh }) => {
        await sh`drbdadm up ${drbd.resource}`
      },
    }),
    task('running DRBD follows its configuration', {
      check: async ({ $ }) => {
        const { stdout } = await $`drbdadm --dry-run adjust ${drbd.resource}`
        const steps = stdout.trim().split('\n').filter(Boolean)
        return steps.length > 0 ? change(steps.map(stepName).join(', ')) : undefined
      },
      apply: async ({ sh }) => {
        await sh`drbdadm adjust ${drbd.resource}`
      },
    }),
  ]
}

/** `drbdsetup-84 net-options …` without the values, among which is the shared secret. */
function stepName(line: string): string {
  return line.trim().split(/\s+/).slice(0, 2).join(' ')
}

function connection(drbd: Drbd): Task {
  return waitUntil('nodes replicate to each other', {
    barrier: true,
    timeoutMs: 120_000,
    everyMs: 1_000,
    probe: async (host) => {
      const status = await drbdStatus(host, drbd.minor)
      return isConnected(status, host.name) || describe(status)
    },
  })
}

function initialSync(drbd: Drbd, peerName: string): Task {
  /** Refuses unless neither disk ever held replicated data and neither node serves. */
  const virgin = async (host: CheckHost) => {
    const peer = host.peer(peerName)
    const [status, mine, theirs] = await Promise.all([
      drbdStatus(host, drbd.minor),
      generations(host, drbd),
      generations(peer, drbd),
    ])
    const both = status.disk === 'Inconsistent' && status.peerDisk === 'Inconsistent'
    const idle = status.role === 'Secondary' && status.peerRole === 'Secondary'
    if (status.connection === 'Connected' && both && idle) {
      if (isJustCreated(mine) && isJustCreated(theirs)) return true
      throw new Refusal(
        `${host.name}: both disks are Inconsistent, but they are not new (generations ${mine.current}, ${theirs.current}): a synchronisation was cut off for good. Which disk is better is a human's decision`,
      )
    }
    return false
  }
  return task('first synchronisation', {
    barrier: true,
    check: async (host) =>
      (await virgin(host))
        ? change(`both disks are new: ${host.name} becomes the source`)
        : undefined,
    destroys: {
      what: drbd.disk,
      proof: async (host) => {
        const disks = await Promise.all([
          diskState(host, drbd.disk),
          diskState(host.peer(peerName), drbd.disk),
        ])
        for (const [place, disk] of disks.entries()) {
          const data = disk.signatures.filter((type) => type !== 'drbd')
          if (data.length === 0) continue
          throw new Refusal(
            `${place === 0 ? host.name : peerName}: ${drbd.disk} carries ${data.join(' and ')} under its new metadata: Tandem does not choose a source over it`,
          )
        }
        if (!(await virgin(host))) {
          throw new Refusal(`${host.name}: the disks are not new any more`)
        }
      },
    },
    apply: async ({ sh }) => {
      await sh`drbdadm -- --overwrite-data-of-peer primary ${drbd.resource}`
      // Only the first node to be promoted is the source; heartbeat promotes from here on.
      await sh`drbdadm secondary ${drbd.resource}`
    },
  })
}

function synchronised(drbd: Drbd): Task {
  return waitUntil('both disks hold the same data', {
    barrier: true,
    // 127 GiB over 1 Gbit/s take 20 minutes; a slow line may take a night.
    timeoutMs: 24 * 3_600_000,
    everyMs: 2_000,
    probe: async (host) => {
      const status = await drbdStatus(host, drbd.minor)
      if (isUpToDate(status)) return true
      isConnected(status, host.name)
      const { sync } = status
      if (!sync) return describe(status)
      const speed = sync.speed === undefined ? '' : `, ${(sync.speed / 1024).toFixed(1)} MiB/s`
      const left = sync.left === undefined ? '' : `, ${sync.left} left`
      return {
        fraction: sync.fraction,
        text: `synchronised ${(sync.fraction * 100).toFixed(1)} %${speed}${left}`,
      }
    },
  })
}

function filesystem(drbd: Drbd, peerName: string): Task {
  const device = `/dev/drbd${drbd.minor}`
  return task(`${drbd.filesystem} on ${device}`, {
    barrier: true,
    check: async (host) => {
      // DRBD's own metadata is at the end of the disk, so the filesystem begins where the disk does
      // and can be seen there whichever node is Primary.
      const { signatures } = await diskState(host, drbd.disk)
      const others = signatures.filter((type) => type !== 'drbd')
      if (others.length === 0) return change('no filesystem yet')
      if (others.length === 1 && others[0] === drbd.filesystem) return
      throw new Refusal(
        `${host.name}: expected ${drbd.filesystem} on ${drbd.disk}, got ${others.join(' and ')}`,
      )
    },
    destroys: {
      what: device,
      proof: async (host) => {
        const peer = host.peer(peerName)
        const [status, mine, peerDisk] = await Promise.all([
          drbdStatus(host, drbd.minor),
          generations(host, drbd),
          diskState(peer, drbd.disk),
        ])
        if (!isUpToDate(status)) {
          throw new Refusal(`${host.name}: ${device} is not synchronised (${describe(status)})`)
        }
        // A run that died in between may have left this node Primary; mke2fs itself then sees to it
        // that nobody holds the device.
        if (status.peerRole !== 'Secondary') {
          throw new Refusal(`${host.name}: ${device} is in use (${describe(status)})`)
        }
        if (!isFirstGeneration(mine)) {
          throw new Refusal(
            `${host.name}: ${device} has a history (generation ${mine.current}) but no filesystem: expected a device that was just initialised`,
          )
        }
        if (peerDisk.signatures.some((type) => type !== 'drbd')) {
          throw new Refusal(`${peerName}: ${drbd.disk} carries ${peerDisk.signatures.join(', ')}`)
        }
      },
    },
    apply: async ({ sh }) => {
      await sh`drbdadm primary ${drbd.resource}`
      try {
        // -F is not given: mke2fs itself refuses where it sees something.
        await sh`mke2fs -q -t ${drbd.filesystem} ${device} </dev/null`
      } finally {
        await sh`udevadm settle --timeout=10; drbdadm secondary ${drbd.resource}`
      }
    },
  })
}

/** Refuses unless both disks hold the same data: the condition of every planned move. */
export function requireUpToDate(drbd: Drbd): Task {
  return requirement('both disks UpToDate, nothing out of sync', async (host) => {
    const status = await drbdStatus(host, drbd.minor)
    if (!isUpToDate(status)) {
      throw new Refusal(
        `${host.name}: expected Connected UpToDate/UpToDate oos:0, got ${describe(status)}`,
      )
    }
  })
}
