import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import { requirement, role, sections } from '../../lib/index.ts'
import { limits } from '../integrate/watch.ts'

/** What the watch on a node left under /run/tandem/watch; times in seconds since boot. */
export interface WatchReport {
  readonly now: number
  /** When it last looked; undefined where it never did. */
  readonly beat: number | undefined
  /** `ok`, `idle`, `wrong: …` or `gave up: …`. */
  readonly state: string
  readonly acts: readonly { readonly at: number; readonly what: string; readonly why: string }[]
}

/** Reads the four files one after another: uptime, beat, state, acts, each behind a line `--- name`. */
export function parseWatch(text: string): WatchReport {
  const parts = sections(text, ['uptime', 'beat', 'state', 'acts'])
  const lines = (name: 'uptime' | 'beat' | 'state' | 'acts') =>
    (parts.get(name) ?? '').split('\n').filter((line) => line !== '')
  const seconds = (word: string | undefined) => {
    if (word === undefined) return undefined
    const value = Number.parseFloat(word)
    if (!Number.isFinite(value)) throw new Error(`the watch's notes: no time in \`${word}\``)
    return value
  }
  const now = seconds(lines('uptime')[0])
  if (now === undefined) throw new Error('the watch: /proc/uptime is empty')
  return {
    now,
    beat: seconds(lines('beat')[0]),
    state: lines('state')[0] ?? '',
    acts: lines('acts').map((line) => {
      const [at, what = '', ...why] = line.split(' ')
      return { at: seconds(at) ?? 0, what, why: why.join(' ') }
    }),
  }
}

/** A sentence for each thing about the watch that an administrator must know. */
export function watchProblems(report: WatchReport): string[] {
  const { now, beat, state, acts } = report
  // Under load one look may take several rounds.
  const silent = beat === undefined ? Number.POSITIVE_INFINITY : now - beat
  if (silent > 12 * limits.every) {
    const since = beat === undefined ? 'it never did' : `the last time ${Math.round(silent)} s ago`
    return [`the watch does not check the service (${since}): systemctl status tandem-watch`]
  }
  const recent = acts.filter(({ at }) => now - at < limits.window)
  const restarts = recent.filter(({ what }) => what === 'restart')
  const minutes = (at: number) => Math.max(1, Math.round((now - at) / 60))
  return [
    ...(/^(gave up|wrong): /.test(state) ? [`the watch ${state}`] : []),
    ...(restarts.length > 1
      ? [
          `the watch had to restart parts ${restarts.length} times in the last ${limits.window / 60} minutes: ${[...new Set(restarts.map(({ why }) => why))].join('; ')}`,
        ]
      : []),
    ...acts
      .filter(({ at, what }) => what === 'standby' && now - at < limits.calm)
      .map(({ at, why }) => `the watch handed the service over ${minutes(at)} min ago: ${why}`),
  ]
}

/** The step for a node that waits for its peer's data, where that may never come back. */
export const stepAlone = (text: string, peer: string): string =>
  /the peer must come back first/.test(text)
    ? `. If ${peer} does not come back: npm run play start-without ${peer} tells what is known of both`
    : ''

/** The watch runs on every node and has had nothing serious to do. */
export default role('verify/watch', (context: NodeContext) => {
  return [
    requirement('the watch runs and had nothing to repair', async ({ $ }) => {
      const { stdout } = await $`
        echo '--- uptime'; cat /proc/uptime
        for name in beat state acts; do
          echo "--- $name"
          if [ -e /run/tandem/watch/$name ]; then cat /run/tandem/watch/$name; fi
        done`
      const wrong = watchProblems(parseWatch(stdout)).map(
        (text) => `${text}${stepAlone(text, peerOf(context).name)}`,
      )
      if (wrong.length > 0) throw new Error(wrong.join('; '))
    }),
  ]
})
