import type { NodeContext } from '../../inventory/schema.ts'
import { packages, role, service, templates, waitUntil } from '../../lib/index.ts'
import { clockOffset } from './clock.ts'

const template = templates(import.meta.dirname)

/** S1: the clocks agree, and stay so; `ntpdate` once would drift apart again. */
export default role('base/ntp', ({ vars: { ntp } }: NodeContext) => [
  // Debian's own time client, and others: two must not set one clock.
  packages(['chrony'], { replaces: ['systemd-timesyncd', 'ntp', 'ntpsec', 'openntpd'] }),
  template('chrony.conf', '/etc/chrony/chrony.conf', {
    // A name may stand for many servers, an address for one.
    servers: ntp.servers.map((server) => `${/[a-z]/i.test(server) ? 'pool' : 'server'} ${server}`),
  }),
  service('chrony', {
    state: 'running',
    enabled: true,
    restartOn: ['/etc/chrony/chrony.conf'],
  }),
  waitUntil(`clock within ${ntp.maxOffset} s of its server`, {
    timeoutMs: 120_000,
    everyMs: 2_000,
    // `iburst` is over soon after chronyd starts; where the server was out of reach then, chronyd asks again a minute later.
    nudge: ({ sh }) => sh`chronyc -n burst 4/8 >/dev/null || :`,
    probe: async ({ $ }) => {
      const { stdout, stderr, exitCode } = await $`chronyc -n -c tracking`.nothrow()
      if (exitCode !== 0) return `chronyd does not answer: ${(stderr || stdout).trim()}`
      const offset = clockOffset(stdout)
      if (offset === undefined) return `no answer from ${ntp.servers.join(', ')} yet`
      return Math.abs(offset) <= ntp.maxOffset || `${offset.toFixed(3)} s off`
    },
  }),
])
