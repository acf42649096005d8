import { sysctl, type Task } from '../../lib/index.ts'

const mib = 1024 * 1024

/** A move waits until all that clients wrote is on the disks; the kernel's own limit for it is a fifth of the memory. */
export function unwritten(limitMib: number): Task[] {
  const bytes = limitMib * mib
  return [
    // The kernel begins to write sooner, before writers have to wait.
    sysctl('vm.dirty_background_bytes', bytes / 4, { excludes: ['vm.dirty_background_ratio'] }),
    written(sysctl('vm.dirty_bytes', bytes, { excludes: ['vm.dirty_ratio'] })),
  ]
}

/** Writes out first: the kernel would hold all writers until what is there is below the new limit. */
function written(limit: Task): Task {
  return {
    ...limit,
    timeoutMs: 600_000,
    apply: async (host, change) => {
      host.progress('writes out what is in memory')
      await host.sh`sync`
      await limit.apply(host, change)
    },
  }
}
