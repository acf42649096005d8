import type { NodeContext } from '../../inventory/schema.ts'
import { role, service, systemdUnit, templates } from '../../lib/index.ts'
import { libFolder } from '../shared/paths.ts'

const template = templates(import.meta.dirname)
const timer = 'tandem-compare.timer'

/**
 * Disks that differ in silence are found before they are needed: DRBD compares them from time to time. The
 * preferred node asks for it, so that it is not done twice.
 */
export default role('drbd/compare', (context: NodeContext) => {
  const { host, vars } = context
  const { compare, resource } = vars.drbd
  const asks = compare !== 'none' && host.name === vars.preferred
  const when = compare === 'none' ? { calendar: 'Sun *-*-* 01:00', spread: '5h' } : compare
  return [
    template('compare', `${libFolder}/compare`, { resource }, { mode: 0o755 }),
    systemdUnit('tandem-compare.service', template.text('tandem-compare.service', { resource })),
    systemdUnit(timer, template.text(timer, when)),
    service(
      timer,
      asks ? { state: 'running', enabled: true } : { state: 'stopped', enabled: false },
    ),
  ]
})

/** What the last comparison found; times in seconds since the epoch, `differ` in KiB. */
export interface Comparison {
  readonly endedAt: number
  readonly beganAt: number
  readonly differ: number
}

/** Where a node notes it. */
export const comparedPath = '/var/lib/tandem/compared'

/** Reads that note; undefined where there is none yet. */
export function parseCompared(text: string): Comparison | undefined {
  const [, ended, began, differ] = /^(\d+) (\d+) (\d+)$/.exec(text.trim()) ?? []
  if (ended === undefined) return undefined
  return { endedAt: Number(ended), beganAt: Number(began), differ: Number(differ) }
}

/** The step out of disks that differ: which of them is right is a human's decision. */
export const resyncStep = (serving: string, standby: string): string =>
  `one of them is wrong. Decide before the nodes lose sight of each other: DRBD copies these blocks from ${serving} then. If the disk of ${standby} is wrong: npm run play resync -- --victim ${standby} copies the blocks of ${serving} to it. If the disk of ${serving} is wrong: npm run play switchover -- --trust ${standby}, then npm run play resync -- --victim ${serving}`

const day = 24 * 3_600
/** After four missed weekly comparisons something is wrong: this is more than a delay. */
const patience = 35 * day

/** Asks for the time now, when the timer was set up, and the note of the last comparison; a line each. */
export const neglectScript = `date +%s; stat -c %Y /etc/systemd/system/${timer} || echo never; cat ${comparedPath}`

/** Why the disks may differ unseen, from what that says; undefined where all is well. */
export function neglected(text: string): string | undefined {
  const [now = '', since = '', ...note] = text.trim().split('\n')
  const last = parseCompared(note.join('\n'))
  // A note from a time that has not come yet says nothing: the clock was wrong.
  const ended = last && last.endedAt <= Number(now) ? last.endedAt : undefined
  const age = Number(now) - (ended ?? Number(since || 'never'))
  if (!(age >= patience)) return undefined
  const why =
    'journalctl -u tandem-compare.service tells why they were not compared; systemctl start tandem-compare.service does so now'
  const days = Math.floor(age / day)
  return ended === undefined
    ? `the disks have not been compared once in ${days} days: ${why}`
    : `the disks were last compared ${days} days ago: ${why}`
}
