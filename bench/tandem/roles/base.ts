import {
  command,
  directory,
  file,
  line,
  packages,
  requirement,
  role,
  templates,
} from '../../../lib/index.ts'
import { type Context, whoIs } from '../inventory/schema.ts'

const template = templates(import.meta.dirname)
const oldest = [2, 6, 32]

/** Tasks 1 to 13. */
export default role('base', (context: Context) => {
  const { vars } = context
  const { me, peer } = whoIs(context)
  return [
    requirement('kernel release', async (host) => {
      await host.$`uname -r`
    }),
    // All checks are asked at once, so this one asks for itself.
    requirement('kernel is new enough', async (host) => {
      const { stdout } = await host.$`uname -r`
      const now = stdout.split(/[.-]/).map(Number)
      const at = oldest.findIndex((part, index) => part !== now[index])
      if (at >= 0 && !((now[at] ?? 0) > (oldest[at] ?? 0))) {
        throw new Error(`Expected a kernel from ${oldest.join('.')} on, got ${stdout.trim()}`)
      }
    }),
    requirement('addresses', async (host) => {
      await host.$`ip -o -4 addr show`
    }),
    packages(['iproute2', 'procps', 'psmisc', 'iputils-ping', 'cron']),
    directory('/var/lib/ha-nfs', { mode: 0o750 }),
    file('/etc/hostname', `${me.name}\n`),
    ...vars.nodes.map(({ name, em1 }) =>
      line('/etc/hosts', {
        line: `${em1} ${name}`,
        match: new RegExp(`\\s${name.replaceAll('.', '\\.')}$`),
      }),
    ),
    command('rc.local exists', {
      unless: '[ "$(stat -c %a /etc/rc.local 2>/dev/null)" = 755 ]',
      run: "[ -e /etc/rc.local ] || echo '#!/bin/sh' >/etc/rc.local; chmod 755 /etc/rc.local",
    }),
    line('/etc/rc.local', {
      line: `ip route replace ${peer.em2} dev ${vars.heartbeat.device}`,
    }),
    line('/etc/rc.local', { line: `ip route replace ${peer.em3} dev ${vars.drbd.line}` }),
    template('sysctl.conf', '/etc/sysctl.d/60-ha-nfs.conf', {
      me,
      sysctl: Object.entries(vars.sysctl).map(([key, value]) => ({ key, value })),
    }),
    directory('/etc/iptables'),
    file(
      '/etc/iptables/rules.v4',
      '*filter\n:INPUT ACCEPT [0:0]\n:FORWARD ACCEPT [0:0]\n:OUTPUT ACCEPT [0:0]\nCOMMIT\n',
      { mode: 0o640 },
    ),
    file('/etc/cron.d/ntpdate', `*/30 * * * * root ntpdate ${vars.gateway} >/dev/null 2>&1\n`),
  ]
})
