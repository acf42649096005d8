import { type NodeContext, pairOf } from '../../inventory/schema.ts'
import { block, line, role } from '../../lib/index.ts'
import { literal } from './literal.ts'

/** A line of /etc/hosts that gives an address one of these names, among others; case does not count in names. */
export const naming = (address: string, names: readonly string[]) =>
  new RegExp(
    `^\\s*${literal(address)}\\s(?:[^#]*\\s)?(?:${names.map(literal).join('|')})(?:\\s|#|$)`,
    'i',
  )

/** S2: both nodes know each other's names without asking any server. */
export default role('base/hosts', (context: NodeContext) => {
  const { host, vars } = context
  const { nfs, vip } = vars
  return [
    line('/etc/hosts', { line: '127.0.0.1 localhost', unless: naming('127.0.0.1', ['localhost']) }),
    line('/etc/hosts', {
      line: '::1 localhost ip6-localhost ip6-loopback',
      unless: naming('::1', ['localhost', 'ip6-localhost']),
    }),
    // Debian's installer points the host's own name at a loopback address, which DRBD and heartbeat
    // would then try to reach their peer from.
    line('/etc/hosts', {
      title: `/etc/hosts gives ${host.vars.fqdn} no loopback address`,
      match: naming('127.0.1.1', [host.vars.fqdn, host.vars.fqdn.split('.')[0] ?? '']),
      line: '127.0.1.1',
      absent: true,
    }),
    block('/etc/hosts', {
      name: 'tandem',
      lines: [
        ...pairOf(context).map(({ vars }) => `${vars.em1.address} ${vars.fqdn}`),
        // sm-notify speaks for no address without a name, and clients of NFS 3 know it by no other.
        ...(nfs.legacyClients ? [`${vip.address} ${vip.address}`] : []),
      ],
    }),
  ]
})
