import type { CheckHost } from '../../lib/index.ts'

/** As whom heartbeat's helpers run, and the group that its sockets belong to. */
export const heartbeatUser = 'hacluster'
export const heartbeatGroup = 'haclient'

/** A process of a host. */
export interface Process {
  readonly pid: number
  readonly name: string
}

/**
 * The processes of a host with one of these names that are the node's own: started by one of `users`, and in no container.
 * A name alone says nothing, because any user can give a process any name.
 */
export async function processesOf(
  { $ }: CheckHost,
  names: readonly string[],
  users: readonly string[] = ['root'],
): Promise<Process[]> {
  const { stdout } = await $`ids=" $(for user in ${users}; do id -u "$user"; done | tr '\\n' ' ')"
    for one in /proc/[0-9]*; do
      read -r name <$one/comm || continue
      case ${` ${names.join(' ')} `} in *" $name "*) ;; *) continue ;; esac
      [ $one/ns/mnt -ef /proc/self/ns/mnt ] || continue
      while read -r key id rest; do [ "$key" != Uid: ] || break; done <$one/status
      case "$ids" in *" $id "*) echo "\${one#/proc/} $name" ;; esac
    done 2>/dev/null; true`
  return stdout
    .split('\n')
    .filter((line) => line !== '')
    .map((line) => {
      const [pid = '', name = ''] = line.split(' ')
      return { pid: Number(pid), name }
    })
}
