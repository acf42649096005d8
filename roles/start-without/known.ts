import type { Site } from '../../inventory/schema.ts'
import type { CheckHost } from '../../lib/index.ts'
import { type DrbdStatus, describe, drbdStatus, generations } from '../drbd/status.ts'

/** What a node remembers of the time before it lost its power; times in seconds since the epoch. */
export interface Known {
  readonly status: DrbdStatus
  /** DRBD's name for the state of this node's data. */
  readonly generation: string
  /** The last moment in which both nodes had the same data, and this node's role then. */
  readonly together: { readonly at: number; readonly role: string } | undefined
  /** The last moment in which this node served, and what it knew of the other then. */
  readonly served:
    | { readonly at: number; readonly connection: string; readonly peerDisk: string }
    | undefined
}

/** Reads `1764250000 Primary`; undefined where nothing was noted. */
export function parseTogether(text: string): Known['together'] {
  const [, at, role = ''] = /^(\d+) (\w+)$/.exec(text.trim()) ?? []
  return at === undefined ? undefined : { at: Number(at), role }
}

/** Reads `1764250000 Connected UpToDate`; undefined where nothing was noted. */
export function parseServed(text: string): Known['served'] {
  const [, at, connection = '', peerDisk = ''] = /^(\d+) (\w+) (\w+)$/.exec(text.trim()) ?? []
  return at === undefined ? undefined : { at: Number(at), connection, peerDisk }
}

/** Asks a node what it knows. */
export async function known(host: CheckHost, drbd: Site['drbd']): Promise<Known> {
  const note = (name: string) => host.$`cat /var/lib/tandem/${name}`.nothrow()
  const [status, found, together, served] = await Promise.all([
    drbdStatus(host, drbd),
    generations(host, drbd.resource),
    note('together'),
    note('served'),
  ])
  return {
    status,
    generation: found.current,
    together: parseTogether(together.stdout),
    served: parseServed(served.stdout),
  }
}

const time = (at: number) =>
  new Date(at * 1000)
    .toISOString()
    .replace('T', ' ')
    .replace(/\.\d+Z$/, ' UTC')

/** What a node knows, as sentences for whoever has to decide; the last tells what the other may have. */
export function knownText(
  name: string,
  other: string,
  { status, generation, together, served }: Known,
): string[] {
  const lines = [`${name}: DRBD is ${describe(status)}, its data is generation ${generation}`]
  if (together)
    lines.push(
      `${name} and ${other} had the same data at ${time(together.at)}, ${name} as ${together.role}`,
    )
  else lines.push(`${name} does not remember when it had the same data as ${other}`)
  if (served) {
    const alone =
      served.connection === 'Connected'
        ? `with ${other}`
        : `without ${other} (${served.connection}, ${other} ${served.peerDisk})`
    lines.push(`${name} served until ${time(served.at)}, ${alone}`)
  }
  return [...lines, mayHave(name, other, { together, served, status })]
}

/** What the node that is missing may have and this one has not. */
function mayHave(
  name: string,
  other: string,
  { together, served, status }: Pick<Known, 'together' | 'served' | 'status'>,
): string {
  if (status.disk === 'Outdated') {
    return `${other} has newer data: it served after ${name} was left behind${together ? `, some time after ${time(together.at)}` : ''}. As long as ${name} serves, clients do not have what was written on ${other} since then`
  }
  if (status.disk === 'Inconsistent') {
    return `${name} was being brought up to date by ${other}: its data is not whole, and it cannot serve`
  }
  const behind = ['Outdated', 'Inconsistent']
  if (served && together && served.at > together.at && behind.includes(served.peerDisk)) {
    return `${name} served last, alone: ${other} has nothing newer, unless it was made to serve by force`
  }
  if (together?.role === 'Primary') {
    return `${name} served when both were last seen together. ${other} may have taken over after that: in that case ${other} has writes that ${name} does not have`
  }
  if (together) {
    return `${other} served when both were last seen together: everything that ${other} wrote after ${time(together.at)} is only on ${other}`
  }
  return `${other} may have newer data: nothing is known of it`
}
