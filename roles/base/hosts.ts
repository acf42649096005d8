import { type NodeContext, pairOf } from '../../inventory/schema.ts'
import { block, line, role } from '../../lib/index.ts'

/** S2: both nodes know each other's names without asking any server. */
export default role('base/hosts', (context: NodeContext) => {
  const { nfs, vip } = context.vars
  return [
    line('/etc/hosts', { line: '127.0.0.1 localhost', match: /^127\.0\.0\.1\s/ }),
    line('/etc/hosts', { line: '::1 localhost ip6-localhost ip6-loopback', match: /^::1\s/ }),
    // Debian's installer points the host's own name at a loopback address, which DRBD and heartbeat
    // would then try to reach their peer from.
    line('/etc/hosts', { match: /^127\.0\.1\.1\s/, line: '127.0.1.1', absent: true }),
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
