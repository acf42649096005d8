import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import { file, packages, requirement, role, route } from '../../lib/index.ts'

/** S3: a host route to the peer over each private line, now and after a reboot, and one hop long. */
export default role('base/routes', (context: NodeContext) => {
  const { host } = context
  const peer = peerOf(context)
  const lines = (['em2', 'em3'] as const).map((line) => ({
    device: host.vars[line].device,
    to: peer.vars[line].address,
  }))
  return [
    packages(['iproute2', 'iputils-ping', 'iputils-arping']),
    ...lines.map(({ device, to }) => route(to, { device })),
    file(
      '/etc/network/if-up.d/tandem-routes',
      [
        '#!/bin/sh',
        '# Written by Tandem (base/routes): the peer is reached over its own cable.',
        'case $IFACE in',
        ...lines.map(
          ({ device, to }) => `${device}) ip -4 route replace ${to}/32 dev ${device} ;;`,
        ),
        'esac',
        '',
      ].join('\n'),
      { mode: 0o755 },
    ),
    requirement(
      'one hop to the peer on each line',
      async ({ $, name }) => {
        await Promise.all(
          lines.map(async ({ device, to }) => {
            // A packet that may pass no router proves the cable.
            const { exitCode } =
              await $`ping -q -n -c 3 -i 0.2 -W 2 -t 1 -I ${device} ${to}`.nothrow()
            if (exitCode !== 0) {
              throw new Error(
                `${name}: ${to} does not answer over ${device} within one hop: check the cable and the peer's address`,
              )
            }
          }),
        )
      },
      { barrier: true },
    ),
  ]
})
