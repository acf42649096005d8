import { type Round, type Work, works } from '../record/round-record.ts'
import { densityPath, stallOf } from './acknowledged.ts'
import { count, px, seconds, short, signed, textWidth } from './figures.ts'
import { end, type Frame, frameOf, left, ticks, width } from './frame.ts'
import { type Placed, placeMarks } from './log-events.ts'
import { html, type Markup } from './markup.ts'

const size = 11
const row = { mark: 14, stall: 16, lane: 17, work: 15, axis: 32 }

const words: Readonly<Record<Work, string>> = {
  create: 'new files',
  append: 'appends',
  overwrite: 'overwrites',
  rename: 'renames',
  read: 'reads',
  lock: 'locks',
}

/** One lane: a bar for each stretch, its text inside where it fits. */
function lane(
  { title, spans }: Round['timeline']['lanes'][number],
  hue: number,
  top: number,
  frame: Frame,
) {
  return html`<text class="lane" x="${left - 8}" y="${top + 12}">${short(title, 23)}</text>${spans.map(
    ({ from, to, text }) => {
      const x = frame.x(from)
      const wide = Math.max(1, frame.x(to) - x)
      const when = `${signed(from - frame.zero, 2)} to ${signed(to - frame.zero, 2)} s`
      return html`<rect class="h${hue}" x="${px(x)}" y="${top + 2}" width="${px(wide)}" height="${row.lane - 4}"><title>${title}: ${text && `${text}, `}${when}</title></rect>${
        text &&
        textWidth(text, 10) + 6 <= wide &&
        html`<text class="on" x="${px(x + 4)}" y="${top + 12}">${text}</text>`
      }`
    },
  )}
`
}

/** When one kind of work was acknowledged, and the gap in it with its length. */
function acknowledged(round: Round, work: Work, top: number, frame: Frame) {
  const times = round.timeline.acknowledged[work] ?? []
  const gap = stallOf(round, work, frame)
  const base = top + row.work - 2
  const from = gap ? frame.x(gap.from) : 0
  const to = gap ? frame.x(gap.to) : 0
  const label = gap ? seconds(gap.to - gap.from) : ''
  return {
    ticks: html`<text class="lane" x="${left - 8}" y="${top + 12}">${words[work]} <tspan class="soft">${count(times.length)}</tspan></text><path class="ack" d="${densityPath(times, frame, base)}"/>${
      to - from >= 6 &&
      html`<path class="gap" d="M${px(from + 1)} ${base - 8}v6m0-3H${px(to - 1)}m0-3v6"/>`
    }
`,
    label:
      gap &&
      to - from >= textWidth(label, 10) + 14 &&
      html`<text class="figure" x="${px((from + to) / 2)}" y="${base - 1.5}">${label}</text>`,
  }
}

/** The wait for a new file, over all lanes. */
function stall(round: Round, frame: Frame, top: number, bottom: number) {
  const gap = stallOf(round, 'create', frame)
  if (!gap) return undefined
  const from = frame.x(gap.from)
  const to = frame.x(gap.to)
  const label = `new files wait ${seconds(round.stalls.newFile)} s`
  const wide = textWidth(label, size)
  const fitsBehind = to + wide + 6 < end
  const [x, anchor] =
    wide + 8 <= to - from
      ? [(from + to) / 2, 'middle']
      : fitsBehind
        ? [to + 5, 'start']
        : [from - 5, 'end']
  return {
    shade: html`<rect class="stall" x="${px(from)}" y="${top}" width="${px(Math.max(1, to - from))}" height="${bottom - top}"/>`,
    label: html`<text class="stalled" x="${px(x)}" y="${top + 12}" text-anchor="${anchor}">${label}</text>`,
  }
}

/** A mark's line, and its label above the lanes. */
function markLine(mark: Placed, frame: Frame, high: number, bottom: number): Markup {
  const { text, label, x, before } = mark
  const y = high - mark.row * row.mark - 4
  const kind = mark.at === frame.fault && text.startsWith('fault') ? 'fault' : 'mark'
  return html`<path class="${kind}" d="M${px(x)} ${y - 9}V${bottom}"/><text class="${kind}" x="${px(x + (before ? -4 : 4))}" y="${y}"${
    before && html` text-anchor="end"`
  }>${label !== text && html`<title>${text}</title>`}${label}</text>`
}

/** Lanes of one host have one colour; their names say whose they are, so it is no more than a help. */
function hues(lanes: Round['timeline']['lanes']): number[] {
  const hosts = [...new Set(lanes.map(({ title }) => title.split(' ')[0]))]
  return lanes.map(({ title }) => (hosts.indexOf(title.split(' ')[0]) % 4) + 1)
}

/** What the picture shows, in words. */
function description({ timeline, stalls }: Round, frame: Frame, marks: readonly Placed[]): string {
  const what = marks.map(({ at, text }) => `${signed(at - frame.zero, 2)} s ${text}`).join('; ')
  const waits = `New files waited ${seconds(stalls.newFile)} s, open files ${seconds(stalls.openFile)} s, reads ${seconds(stalls.read)} s, locks ${seconds(stalls.lock)} s.`
  return `${waits} ${what ? `${what}. ` : ''}${timeline.lanes.length} lanes, and when each kind of work was acknowledged.`
}

/** What happened in one round: marks, who had what, what clients got acknowledged, and the stall. */
export function picture(round: Round, id: string): Markup {
  const { timeline } = round
  const frame = frameOf(timeline)
  const marks = placeMarks(timeline.marks, frame, size)
  const shown = works.filter((work) => (timeline.acknowledged[work]?.length ?? 0) > 0)
  const high =
    marks.length > 0 ? (Math.max(...marks.map((mark) => mark.row)) + 1) * row.mark + 4 : 4
  const lanes = high + row.stall
  const writes = lanes + timeline.lanes.length * row.lane + 4
  const bottom = writes + shown.length * row.work + 4
  const colours = hues(timeline.lanes)
  const work = shown.map((own, at) => acknowledged(round, own, writes + at * row.work, frame))
  const wait = stall(round, frame, high, bottom)
  const steps = ticks(timeline.from - frame.zero, timeline.to - frame.zero, 12)
  const digits = (steps[1] ?? 1000) - (steps[0] ?? 0) < 1000 ? 1 : 0
  return html`<svg class="picture" viewBox="0 0 ${width} ${bottom + row.axis}" role="img" aria-labelledby="${id}-t ${id}-d">
<title id="${id}-t">${`${round.drill}, ${round.recipe}, round ${round.round}`}</title><desc id="${id}-d">${description(round, frame, marks)}</desc>
${steps.map(
  (ms) =>
    html`<path class="grid" d="M${px(frame.x(ms + frame.zero))} ${high}V${bottom + 3}"/><text class="tick" x="${px(frame.x(ms + frame.zero))}" y="${bottom + 15}">${signed(ms, digits)}</text>`,
)}
${wait?.shade}
${timeline.lanes.map((own, at) => lane(own, colours[at] ?? 1, lanes + at * row.lane, frame))}${work.map((own) => own.ticks)}${marks.map((mark) => markLine(mark, frame, high, bottom))}
${wait?.label}${work.map((own) => own.label)}
<path class="axis" d="M${left} ${bottom}H${end}"/><text class="tick" x="${(left + end) / 2}" y="${bottom + 28}">seconds since ${
    frame.fault === undefined ? 'the round began' : 'the fault'
  }</text>
</svg>`
}
