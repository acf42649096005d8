import type { Site } from '../../inventory/schema.ts'
import type { CheckHost } from '../../lib/index.ts'
import { diskState } from './disk.ts'
import { type DrbdStatus, describe, drbdStatus, type Generations, generations } from './status.ts'

/** How one disk's data stands to the other's, by DRBD's own rules (drbd_uuid_compare). */
export type Kinship = 'same' | 'older' | 'newer' | 'diverged' | 'unrelated'

/** The lowest bit says only that a node was Primary; zeros stand for "none". */
function plain(id: string): string | undefined {
  const last = Number.parseInt(id.slice(-1), 16) & ~1
  const text = id.slice(0, -1).toUpperCase() + last.toString(16).toUpperCase()
  return /^0+$/.test(text) ? undefined : text
}

/** Compares generations: mine against theirs. */
export function kinship(mine: Generations, theirs: Generations): Kinship {
  const past = ({ bitmap, history }: Generations) => [bitmap, ...history].map(plain)
  const [here, there] = [plain(mine.current), plain(theirs.current)]
  if (here === there) return 'same'
  if (past(theirs).includes(here)) return 'older'
  if (past(mine).includes(there)) return 'newer'
  return past(mine).some((id) => id && past(theirs).includes(id)) ? 'diverged' : 'unrelated'
}

/** What one node says of its disk. */
export interface DiskReport {
  readonly name: string
  readonly status: DrbdStatus
  readonly generations: Generations
  /** UUIDs of what is on the disk, such as a filesystem; read only where the generations have nothing in common. */
  readonly uuids?: readonly string[]
}

/**
 * Whether DRBD itself would call two disks a split brain whose generations have nothing in common: it compares
 * the older ones, empty places too (drbd_uuid_compare, rule 100). A node that was promoted by force forgets the
 * generation that both had.
 */
function forgotten(one: Generations, two: Generations): boolean {
  return one.history.some((mine) => two.history.some((theirs) => plain(mine) === plain(theirs)))
}

const apart = new Set(['StandAlone', 'WFConnection', 'Unconnected', 'Timeout', 'NetworkFailure'])

/** Why the two disks are a split brain: each was written without the other; undefined where they are not. */
export function splitBrain(one: DiskReport, two: DiskReport): string | undefined {
  if (![one, two].every(({ status }) => apart.has(status.connection))) return undefined
  const both = `${one.name} (${describe(one.status)}) and ${two.name} (${describe(two.status)})`
  const kin = kinship(one.generations, two.generations)
  const same = one.uuids?.some((uuid) => two.uuids?.includes(uuid)) ?? false
  if (
    kin === 'diverged' ||
    (kin === 'unrelated' && same && forgotten(one.generations, two.generations))
  ) {
    return `split brain: ${both} were each written without the other`
  }
  if (one.status.role === 'Primary' && two.status.role === 'Primary') {
    return `split brain: ${both} are both Primary and do not replicate`
  }
  return undefined
}

/** Asks both nodes of the pair at once. */
export async function diskReports(
  hosts: readonly CheckHost[],
  drbd: Site['drbd'],
): Promise<DiskReport[]> {
  const reports = await Promise.all(
    hosts.map(async (host) => {
      const [status, found] = await Promise.all([
        drbdStatus(host, drbd),
        generations(host, drbd.resource),
      ])
      return { name: host.name, status, generations: found }
    }),
  )
  const [one, two] = reports
  if (!one || !two || kinship(one.generations, two.generations) !== 'unrelated') return reports
  const disks = await Promise.all(hosts.map((host) => diskState(host, drbd.disk)))
  return reports.map((report, at) => ({ ...report, uuids: disks[at]?.uuids ?? [] }))
}
