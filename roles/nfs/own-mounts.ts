import type { CheckHost, Task } from '../../lib/index.ts'

/**
 * What a node itself mounts from others by NFS 2 or 3, whose locks want rpcbind: lines of /proc/mounts and /etc/fstab. In
 * /proc/mounts a mount by NFS 4 is of the type `nfs4`; in fstab `nfs` alone asks for 4 first.
 */
export function legacyMounts(mounts: string, fstab: string): string[] {
  const rows = (text: string) => text.split('\n').map((line) => line.trim().split(/\s+/))
  const old = /(^|,)((nfs)?vers=|v)[23](\.\d)?(,|$)/
  const mounted = rows(mounts).filter(([, , type]) => type === 'nfs')
  const wanted = rows(fstab).filter(
    ([source = '#', , type, options = '']) =>
      !source.startsWith('#') && type === 'nfs' && old.test(options),
  )
  return [...new Set([...mounted, ...wanted].map(([, place = '']) => place))]
}

/** Leaves a task alone on a node that mounts something by NFS 3 itself. */
export const unlessLegacyMounts = (made: Task): Task => {
  const mountsItself = async ({ $ }: CheckHost) => {
    const [mounts, fstab] = await Promise.all([$`cat /proc/mounts`, $`cat /etc/fstab`.nothrow()])
    return legacyMounts(mounts.stdout, fstab.stdout).length > 0
  }
  return {
    ...made,
    check: async (host) => {
      try {
        const change = await made.check(host)
        return change && !(await mountsItself(host)) ? change : undefined
      } catch (error) {
        // What is left alone need not even be there.
        if (await mountsItself(host)) return undefined
        throw error
      }
    },
  }
}
