import { z } from 'zod'
import { platformNames } from '../core/platform-name.ts'
import { Secret } from '../core/secret.ts'
import { problems } from './issues.ts'
import type { Inventory } from './types.ts'

const port = z.any().refine((value) => Number.isInteger(value) && value >= 1 && value <= 65535, {
  error: 'expected an integer 1–65535',
})
const text = z.any().refine((value) => typeof value === 'string' && value.trim() !== '', {
  error: 'expected a non-empty string',
})
/** ssh itself may read it, to which these would mean something else. */
const file = text.refine((value) => !/["\n]|\$\{/.test(value), {
  error: 'expected a path without `"`, line feed and `${`',
})
const milliseconds = z.any().refine((value) => Number.isFinite(value) && value >= 100, {
  error: 'expected milliseconds, 100 at least (15_000 is 15 s)',
})
const absolutePath = z.any().refine((value) => typeof value === 'string' && value.startsWith('/'), {
  error: 'expected an absolute path',
})
/** Names end up in file names, in the kernel's and in Heartbeat's configuration. */
const hostName = z.string().regex(/^[A-Za-z0-9][A-Za-z0-9._-]*$/, {
  error: 'expected a host name of letters, digits, dots and dashes',
})

const jumpHost = /^([^\s@,-][^\s@,]*@)?([^\s@:,[-][^\s@:,[]*|\[[\w.:%]+\])(:\d{1,5})?$/

const connection = z.strictObject({
  address: text
    .refine((value) => !/^\[/.test(value), { error: 'expected an IPv6 address without brackets' })
    .refine((value) => !/^-|\s/.test(value), { error: 'expected an address or a name' }),
  port: port.optional(),
  user: text.optional(),
  become: z
    .any()
    .refine((value) => [true, false, 'sudo', 'su'].includes(value), {
      error: "expected true, false, 'sudo' or 'su'",
    })
    .optional(),
  becomePassword: z
    .instanceof(Secret)
    .refine(({ given }) => given, { error: "expected secret('NAME', { given: true })" })
    .optional(),
  identityFiles: z.array(file).optional(),
  knownHosts: z.array(file).optional(),
  sshConfig: text
    .refine((value) => value === 'none' || /^[/~]/.test(value), {
      error: "expected an absolute path, ~/… or 'none'",
    })
    .optional(),
  proxyJump: text
    .refine((value) => value.split(',').every((host: string) => jumpHost.test(host)), {
      error: 'expected jump hosts as `[user@]host[:port]`, with commas between them',
    })
    .optional(),
})

const platform = z.any().refine((value) => platformNames.includes(value), {
  error: `expected one of ${platformNames.join(', ')}`,
})

const skeleton = z.strictObject({
  name: text,
  production: z.boolean(),
  hosts: z.record(
    hostName,
    z.strictObject({ connection, platform: platform.optional(), vars: z.unknown() }),
  ),
  groups: z.record(text, z.array(z.string())),
  vars: z.unknown(),
  timeouts: z.strictObject({ connect: milliseconds, check: milliseconds, apply: milliseconds }),
  lockPath: absolutePath.optional(),
})

function groupProblems(inventory: Inventory): string[] {
  const hosts = Object.keys(inventory.hosts)
  const found: string[] = []
  if (hosts.length === 0) found.push('hosts: expected at least one host')
  for (const [group, members] of Object.entries(inventory.groups)) {
    if (group === 'all') found.push('groups.all: exists by itself, expected another name')
    if (hosts.includes(group)) found.push(`groups.${group}: expected a name that is not a host's`)
    members.forEach((member, index) => {
      if (members.indexOf(member) !== index) {
        found.push(`groups.${group}[${index}]: expected each host once, got \`${member}\` again`)
      }
      if (hosts.includes(member)) return
      found.push(
        `groups.${group}[${index}]: expected one of the hosts ${hosts.join(', ')}, got \`${member}\``,
      )
    })
  }
  const machines = new Map<string, string>()
  for (const [name, { connection }] of Object.entries(inventory.hosts)) {
    const other = machines.get(JSON.stringify(connection))
    if (other) {
      found.push(
        `hosts.${name}.connection: expected a machine of its own, got ${connection.address}, port ${connection.port ?? 22}, as hosts.${other} has it`,
      )
    }
    machines.set(JSON.stringify(connection), name)
  }
  return found
}

/** Sentences for what is wrong with the engine's own part of an inventory; empty when nothing is. */
export function skeletonProblems(value: unknown): string[] {
  const parsed = skeleton.safeParse(value, { reportInput: true })
  if (!parsed.success) return problems(parsed.error.issues)
  return groupProblems(value as Inventory)
}
