import { command, role } from '../../../lib/index.ts'
import type { Context } from '../inventory/schema.ts'

const log = '/var/lib/ha-nfs/handlers.log'

/**
 * A restart is a state: it was done with the files as they are now. The sums of what it was last
 * done with lie in /run, as those of `service` do, so a run that died before it loses nothing.
 */
function handler(title: string, word: string, files: readonly string[], first = '') {
  const stamp = `/run/tandem/bench-${word}.sums`
  return command(title, {
    unless: `sha256sum --check --status ${stamp} 2>/dev/null`,
    run: `${first}echo ${word} >>${log}; mkdir -p /run/tandem; sha256sum ${files.join(' ')} >${stamp}`,
  })
}

/** The four handlers, after all roles. */
export default role('handlers', ({ vars: { drbd } }: Context) => {
  const sysctl = '/etc/sysctl.d/60-ha-nfs.conf'
  return [
    handler('apply sysctl', 'sysctl', [sysctl], `sysctl --dry-run -p ${sysctl} >/dev/null; `),
    handler('adjust drbd', 'drbd', [
      '/etc/drbd.d/global_common.conf',
      `/etc/drbd.d/${drbd.resource}.res`,
    ]),
    handler('reload exports', 'exports', ['/etc/exports', '/etc/nfs.conf.d/ha.conf']),
    handler('restart heartbeat', 'heartbeat', [
      ...['ha.cf', 'authkeys', 'haresources'].map((name) => `/etc/ha.d/${name}`),
    ]),
  ]
})
