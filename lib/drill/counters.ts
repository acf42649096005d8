import type { Counted, Span } from './record/round-record.ts'

/** One answer of a node to how many bytes it has written for clients. */
export interface Sample {
  /** Which connection it came over: the first sample of each is only a base. */
  readonly connection: number
  /** When it arrived, on the controller's clock. */
  readonly at: number
  /** The node's uptime in milliseconds when it was read. */
  readonly upMs: number
  readonly written: number
}

interface Rise extends Span {
  readonly bytes: number
}

/**
 * When each was read at the latest: when it arrived, or earlier, where one behind it on the same
 * connection says so. A burst of late lines would else make a rise look as long as the delay. A frozen
 * node's uptime stands still, so that this is never too early for it.
 */
function readAt(samples: readonly Sample[]): readonly Sample[] {
  const found: Sample[] = []
  let next: Sample | undefined
  for (const sample of samples.toReversed()) {
    const same = next?.connection === sample.connection && next.upMs >= sample.upMs
    const at = same && next ? Math.min(sample.at, next.at - (next.upMs - sample.upMs)) : sample.at
    next = { ...sample, at }
    found.push(next)
  }
  return found.reverse()
}

/** Where a counter rose; it falls to 0 with a reboot or a restart of the server, which is no rise. */
function risesOf(samples: readonly Sample[]): Rise[] {
  const read = readAt(samples)
  return read.flatMap((sample, index) => {
    const before = read[index - 1]
    if (before?.connection !== sample.connection || sample.written <= before.written) return []
    return [{ from: before.at, to: sample.at, bytes: sample.written - before.written }]
  })
}

/** Where rises of both nodes overlap, joined where less than a second lies between. */
function overlaps(one: readonly Rise[], two: readonly Rise[]): Span[] {
  const found: { from: number; to: number }[] = []
  let behind = 0
  for (const rise of one) {
    while ((two[behind]?.to ?? Number.POSITIVE_INFINITY) <= rise.from) behind++
    for (let at = behind; (two[at]?.from ?? Number.POSITIVE_INFINITY) < rise.to; at++) {
      const other = two[at] as Rise
      const from = Math.max(rise.from, other.from)
      const to = Math.min(rise.to, other.to)
      const last = found.at(-1)
      if (last && from - last.to < 1_000) last.to = Math.max(last.to, to)
      else found.push({ from, to })
    }
  }
  return found
}

/** Judges what was sampled: in no second may both nodes have written for clients. */
export function judgeCounters(samples: ReadonlyMap<string, readonly Sample[]>): Counted {
  const rises = [...samples].map(([name, own]) => [name, risesOf(own)] as const)
  const [one, two] = rises
  return {
    samples: Object.fromEntries([...samples].map(([name, own]) => [name, own.length])),
    bytes: Object.fromEntries(
      rises.map(([name, own]) => [name, own.reduce((sum, { bytes }) => sum + bytes, 0)]),
    ),
    both: one && two ? overlaps(one[1], two[1]) : [],
  }
}

/** A sentence for what must never be, by the name of what counts; none where it never was. */
export function counterProblems({ bytes, both }: Counted, counter: string): string[] {
  const [first, ...more] = both
  if (!first) return []
  const names = Object.keys(bytes).join(' and ')
  const at = new Date(first.from).toISOString().slice(11, 23)
  const times = more.length === 1 ? 'once more' : `${more.length} times more`
  const again = more.length > 0 ? `, and ${times}` : ''
  return [`${counter} wrote on ${names} in the same second, at ${at} UTC${again}`]
}
