import { z } from 'zod'
import type { RoleContext } from '../../../lib/index.ts'

const text = z.string().min(1)
const count = z.number().int().positive()

const node = z.strictObject({ name: text, em1: text, em2: text, em3: text })

const vars = z.strictObject({
  domain: text,
  nodes: z.tuple([node, node]),
  vip: text,
  vipPrefix: count,
  vipDevice: text,
  gateway: text,
  clients: text,
  mountPoint: text,
  heartbeat: z.strictObject({
    keepalive: count,
    deadtime: count,
    warntime: count,
    udpPort: count,
    device: text,
    mcast: text,
    auth: text,
    key: text,
  }),
  drbd: z.strictObject({
    resource: text,
    device: text,
    disk: text,
    port: count,
    line: text,
    secret: text,
    rate: text,
  }),
  nfsThreads: count,
  sysctl: z.record(text, z.number()),
})

/** Which of the two nodes a host is. */
const host = z.strictObject({ node: z.literal([1, 2]) })

export const schema = { vars, host }

export type Context = RoleContext<z.output<typeof vars>, z.output<typeof host>>

/** The node that a host is, and its peer. */
export function whoIs({ host, vars: { nodes } }: Context) {
  const [first, second] = nodes
  return host.vars.node === 1 ? { me: first, peer: second } : { me: second, peer: first }
}
