import { type NodeContext, pairOf, type Site } from '../../../inventory/schema.ts'
import { directory, file, role, templates } from '../../../lib/index.ts'
import { manager } from '../../../roles/cluster/index.ts'
import { linksOf, signed } from '../../../roles/heartbeat/configure.ts'
import { startWith } from '../../../roles/integrate/start.ts'

const template = templates(import.meta.dirname)

/** What heartbeat reads when it starts. */
const files = ['/etc/ha.d/ha.cf', '/etc/ha.d/authkeys', '/etc/ha.d/haresources']

/** S5 as the article has it: one line, no dopd, no watchdog, and back to the preferred node by itself. */
export const configure = role('heartbeat/configure', (context: NodeContext) => {
  const { heartbeat } = context.vars
  return [
    directory('/etc/ha.d', { mode: 0o755 }),
    template('ha.cf', '/etc/ha.d/ha.cf', {
      log: manager.log,
      ...heartbeat,
      links: linksOf(context),
      nodes: pairOf(context).map(({ vars }) => vars.fqdn),
      failback: heartbeat.autoFailback,
    }),
    signed(context.vars),
  ]
})

/** The order heartbeat starts in; it stops in reverse. */
export function resourceNames({ drbd, nfs, vip }: Site): string[] {
  // The address comes first and goes last. IPaddr2, since Debian 12 has no ifconfig for IPaddr.
  return [
    `IPaddr2::${vip.address}/${vip.prefix}/${vip.device}`,
    `drbddisk::${drbd.resource}`,
    `Filesystem::/dev/drbd${drbd.minor}::${nfs.path}::${drbd.filesystem}`,
    'article-nfs',
  ]
}

/** S13 as the article has it. */
export const resources = role('integrate/resources', (context: NodeContext) => {
  const { host, others, vars } = context
  const preferred = [host, ...others].find(({ name }) => name === vars.preferred)
  if (!preferred) throw new Error(`vars.preferred: no node is called ${vars.preferred}`)
  return [
    file(
      '/var/lib/tandem/comparison-only',
      'This pair follows the article to the letter, to be measured beside Tandem. It has no fencing.\n',
      {
        title: 'FOR COMPARISON ONLY: the article to the letter, its stalls and no fencing included',
      },
    ),
    template('article-nfs', '/etc/ha.d/resource.d/article-nfs', {}, { mode: 0o755 }),
    manager.starts(preferred.vars.fqdn, resourceNames(vars)),
  ]
})

/** S6 and S13 as the article has them. */
export const start = role('integrate/start', (context: NodeContext) => startWith(context, files))
