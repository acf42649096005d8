import {
  type Clock,
  fromUptime,
  type Mark as General,
  type NodeLogs,
  sections,
} from '../../../lib/drill/index.ts'
import { manager } from '../../../roles/cluster/index.ts'

/** What happened on a node, in the words that phases and lanes are made of. */
export const markEvents = [
  'stop-began',
  'stop-ended',
  'start-began',
  'promoted',
  'demoted',
  'mounted',
  'unmounted',
  'nfsd-up',
  'nfsd-down',
  'vip-up',
  'vip-down',
  'grace-began',
  'grace-ended',
  'peer-lost',
  'fenced',
  'fence-began',
  'fence-ended',
] as const
export type MarkEvent = (typeof markEvents)[number]

/** A moment on a node; `at` on our clock, in milliseconds. */
export interface Mark extends General {
  readonly event: MarkEvent
}

/** Our wrappers' stamps, `UPTIME EVENT` a line, in /run/tandem/phases. */
export function stampMarks(node: string, text: string, clock: Clock): Mark[] {
  return text.split('\n').flatMap((line): Mark[] => {
    const [, uptime, word = ''] = /^([\d.]+)\s+(\S.*)$/.exec(line.trim()) ?? []
    const event = stampWords[word.trim()]
    if (uptime === undefined || !event) return []
    return [{ node, at: fromUptime(clock, Number(uptime)), event }]
  })
}

/** What Tandem's scripts write, and what it means here. */
export const stampWords: Readonly<Record<string, MarkEvent>> = {
  'vip-stop-begin': 'stop-began',
  'vip-stop-end': 'vip-down',
  'nfsd-stop-end': 'nfsd-down',
  'umount-end': 'unmounted',
  'demote-end': 'stop-ended',
  'fence-begin': 'fence-began',
  'fence-end': 'fence-ended',
  'promote-begin': 'start-began',
  'promote-end': 'promoted',
  'mount-end': 'mounted',
  'nfsd-end': 'nfsd-up',
  'vip-end': 'vip-up',
}

const kernelLines: readonly [RegExp, MarkEvent][] = [
  [/block drbd\d+: role\( \w+ -> Primary \)/, 'promoted'],
  [/block drbd\d+: role\( Primary -> \w+ \)/, 'demoted'],
  [/EXT4-fs \(drbd\d+\): mounted filesystem/, 'mounted'],
  [/EXT4-fs \(drbd\d+\): unmounting filesystem/, 'unmounted'],
  [/NFSD: (starting|no clients to reclaim, skipping)/, 'nfsd-up'],
  [/NFSD: starting \d+-second grace period/, 'grace-began'],
  [/NFSD: (end of grace period|all clients done reclaiming)/, 'grace-ended'],
  [/conn\( Connected -> (?!Disconnecting)\w+ \)|peer\( Primary -> Unknown \)/, 'peer-lost'],
  [/pdsk\( \w+ -> Outdated \)/, 'fenced'],
]

/** What the kernel told, from `dmesg`'s lines with their stamps. */
export function kernelMarks(node: string, text: string, clock: Clock): Mark[] {
  return text.split('\n').flatMap((line) => {
    const stamp = /^\[\s*([\d.]+)\]/.exec(line)?.[1]
    if (stamp === undefined) return []
    const at = fromUptime(clock, Number(stamp) - clock.kernelAheadMs / 1000)
    return kernelLines
      .filter(([pattern]) => pattern.test(line))
      .map(([, event]): Mark => ({ node, at, event }))
  })
}

const heartbeatLines: readonly [RegExp, MarkEvent][] = [
  [/Releasing resource group/i, 'stop-began'],
  [/HA resource release completed/i, 'stop-ended'],
  [/Acquiring resource group|Taking over resource group/i, 'start-began'],
  [/Running \S*\/IPaddr2?\b.* start|Running \S*\/tandem-vip\b.* start/, 'vip-up'],
  [/Running \S*\/IPaddr2?\b.* stop|Running \S*\/tandem-vip\b.* stop/, 'vip-down'],
]

/**
 * Heartbeat's own log, in whole seconds of the node's local time, `zoneMs` ahead of UTC:
 * all there is where the wrappers leave no stamps.
 */
export function heartbeatMarks(node: string, text: string, clock: Clock, zoneMs = 0): Mark[] {
  return text.split('\n').flatMap((line) => {
    const [, date, time] = /(\d{4}\/\d\d\/\d\d)_(\d\d:\d\d:\d\d)/.exec(line) ?? []
    if (date === undefined) return []
    const told = Date.parse(`${date.replaceAll('/', '-')}T${time}Z`)
    // Cut off to the second: half of one later is as often too early as too late.
    const at = told + 500 - zoneMs - clock.aheadMs
    return heartbeatLines
      .filter(([pattern]) => pattern.test(line))
      .map(([, event]): Mark => ({ node, at, event }))
  })
}

/** Prints the stamps of our scripts, the kernel's lines since `mark` (all where the node was started since) and heartbeat's. */
export const logScript = (mark: string) => `echo '--- stamps'; cat /run/tandem/phases 2>/dev/null
echo '--- kernel'; dmesg >/run/tandem-drill.log
if grep -qF '${mark}' /run/tandem-drill.log; then sed -n '/${mark}/,$p' /run/tandem-drill.log; else cat /run/tandem-drill.log; fi
rm -f /run/tandem-drill.log
echo '--- heartbeat'; tail -n 400 ${manager.log} 2>/dev/null; :`

/** Reads what that prints. */
export function readLogs(node: string, text: string, clock: Clock, zoneMs: number): NodeLogs {
  const parts = sections(text, ['stamps', 'kernel', 'heartbeat'])
  const kernel = parts.get('kernel') ?? ''
  const stamps = stampMarks(node, parts.get('stamps') ?? '', clock)
  const logged = heartbeatMarks(node, parts.get('heartbeat') ?? '', clock, zoneMs)
  return { kernel, marks: finest(finest(stamps, kernelMarks(node, kernel, clock)), logged) }
}

/** The finer source's marks, and the coarser's of events that the finer never tells. */
export function finest(fine: readonly Mark[], coarse: readonly Mark[]): Mark[] {
  const told = new Set(fine.map(({ event }) => event))
  return [...fine, ...coarse.filter(({ event }) => !told.has(event))]
}
