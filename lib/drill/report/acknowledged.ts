import { percentile } from '../record/drill-rows.ts'
import type { Round, Span, Work } from '../record/round-record.ts'
import { px } from './figures.ts'
import { end, type Frame, left } from './frame.ts'

const bin = 3
const levels = [0, 4, 7, 10] as const

/** Few acknowledgements as ticks, many as a density of three levels: a page holds a hundred of these. */
export function densityPath(times: readonly number[], frame: Frame, base: number): string {
  if (times.length <= 120)
    return times.map((at) => `M${px(frame.x(at))} ${base}v-10h.8v10`).join('')
  const bins = new Array<number>(Math.ceil((end - left) / bin)).fill(0)
  for (const at of times) {
    const index = Math.min(bins.length - 1, Math.floor((frame.x(at) - left) / bin))
    bins[index] = (bins[index] ?? 0) + 1
  }
  const usual = percentile(
    bins.filter((value) => value > 0),
    0.5,
  )
  // Half of the usual rate and above is all one level: its noise says nothing, and takes space.
  const heights = bins.map((value) => {
    if (value === 0) return levels[0]
    return value < usual / 4 ? levels[1] : value < usual / 2 ? levels[2] : levels[3]
  })
  let path = `M${left} ${base}`
  let height = 0
  let run = 0
  for (const next of heights) {
    if (next !== height) {
      if (run > 0) path += `h${run * bin}`
      path += `v${height - next}`
      height = next
      run = 0
    }
    run += 1
  }
  return `${path}h${run * bin}V${base}z`
}

/** What the checker reports of this kind of work; a rename may wait for either. */
function reported({ stalls }: Round, work: Work): number {
  if (work === 'create') return stalls.newFile
  if (work === 'read') return stalls.read
  if (work === 'lock') return stalls.lock
  return work === 'rename' ? Math.max(stalls.newFile, stalls.openFile) : stalls.openFile
}

/**
 * The longest time without an acknowledgement since the fault; undefined where nothing stands out.
 * Longer gaps than the reported stall are not waits: the writers had not begun, or had ended.
 */
export function stallOf(round: Round, work: Work, frame: Frame): Span | undefined {
  const times = [...(round.timeline.acknowledged[work] ?? [])].sort((a, b) => a - b)
  if (times.length === 0) return undefined
  const most = reported(round, work) * 1.1 + 250
  let found: Span | undefined
  for (const [index, from] of times.entries()) {
    const to = times[index + 1] ?? frame.to
    const long = to - from
    if (to <= (frame.fault ?? frame.from) || long > most || long < 250) continue
    if (!found || long > found.to - found.from) found = { from, to }
  }
  return found
}
