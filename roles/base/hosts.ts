import { type NodeContext, pairOf } from '../../inventory/schema.ts'
import { block, cut, type Edit, editing, line, role } from '../../lib/index.ts'
import { literal } from '../shared/literal.ts'

/** A line of /etc/hosts that gives an address one of these names, among others; case does not count in names. */
export const naming = (address: string, names: readonly string[]) =>
  new RegExp(
    `^\\s*${literal(address)}\\s(?:[^#]*\\s)?(?:${names.map(literal).join('|')})(?:\\s|#|$)`,
    'i',
  )

/** Takes a host's own name, and the first part of that, out of every line of a loopback address; others keep theirs. */
export function withoutLoopback(fqdn: string): Edit {
  const own = new Set([fqdn, fqdn.split('.')[0] ?? ''].map((name) => name.toLowerCase()))
  // Else this and the line that wants `localhost` there would undo each other.
  own.delete('localhost')
  const isOwn = (word: string) => own.has(word.toLowerCase())
  return (text) => {
    const { lines, join } = cut(text)
    let edited = 0
    const kept = lines.flatMap((whole) => {
      const [, said = '', comment] = /^([^#]*)(#.*)?$/s.exec(whole) ?? []
      const [address = '', ...names] = said.trim().split(/\s+/)
      if (!/^(127\.[\d.]+|::1)$/.test(address) || !names.some(isOwn)) return [whole]
      edited += 1
      const others = names.filter((name) => !isOwn(name))
      return others.length === 0
        ? []
        : [[address, ...others, ...(comment ? [comment] : [])].join(' ')]
    })
    if (edited === 0) return undefined
    return {
      content: join(kept),
      summary: edited === 1 ? 'changes one line' : `changes ${edited} lines`,
    }
  }
}

/** S2: both nodes know each other's names without asking any server. */
export default role('base/hosts', (context: NodeContext) => {
  const { host, vars } = context
  const { nfs, vip } = vars
  return [
    // Debian's installer points the host's own name at a loopback address, which DRBD and heartbeat
    // would then try to reach their peer from.
    editing(
      `/etc/hosts gives ${host.vars.fqdn} no loopback address`,
      '/etc/hosts',
      withoutLoopback(host.vars.fqdn),
      { missing: true },
    ),
    line('/etc/hosts', { line: '127.0.0.1 localhost', unless: naming('127.0.0.1', ['localhost']) }),
    line('/etc/hosts', {
      line: '::1 localhost ip6-localhost ip6-loopback',
      unless: naming('::1', ['localhost', 'ip6-localhost']),
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
