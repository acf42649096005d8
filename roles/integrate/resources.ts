import type { NodeContext } from '../../inventory/schema.ts'
import { role, templates } from '../../lib/index.ts'

const template = templates(import.meta.dirname)
const directory = '/etc/ha.d/resource.d'

/** The order heartbeat starts in; it stops in reverse. The address comes last and goes first. */
export const resourceNames = (resource: string) => [
  `drbddisk::${resource}`,
  'tandem-nfs',
  'tandem-vip',
]

/** S13: what heartbeat moves, and the scripts it moves it with. */
export default role('integrate/resources', (context: NodeContext) => {
  const { host, others, vars } = context
  const preferred = [host, ...others].find(({ name }) => name === vars.preferred)
  if (!preferred) throw new Error(`vars.preferred: no node is called ${vars.preferred}`)
  const script = { mode: 0o755 }
  return [
    template(
      'tandem-nfs',
      `${directory}/tandem-nfs`,
      {
        path: vars.nfs.path,
        device: `/dev/drbd${vars.drbd.minor}`,
        drbd: vars.drbd,
        domain: 'tandem-nfs',
      },
      script,
    ),
    template('tandem-vip', `${directory}/tandem-vip`, vars.vip, script),
    template('haresources', '/etc/ha.d/haresources', {
      node: preferred.vars.fqdn,
      resources: resourceNames(vars.drbd.resource).join(' '),
    }),
  ]
})
