import type { ListrRenderer, ListrRendererTask } from 'listr2'
import { busyLine, currentLine, endedLine, hostLine, sumLines } from './lines.ts'
import type { Line, Screen } from './screen.ts'
import type { HostRow, PlayRow } from './tree-rows.ts'

const spinners = ['⠋', '⠙', '⠹', '⠸', '⠼', '⠴', '⠦', '⠧', '⠇', '⠏']

/** What the renderer of one play needs. */
export interface TreeOptions {
  readonly screen: Screen
  readonly play: PlayRow
  /** The lines of the play that stay once it has ended. */
  readonly summary: () => readonly string[]
}

type TreeTask = ListrRendererTask<typeof TreeRenderer>

/**
 * Shows one play. listr2's own renderers draw at every event and in full: 20 hosts with 5 tasks
 * each made a run 17 times as long, and 500 hosts do not fit any terminal.
 */
export class TreeRenderer implements ListrRenderer {
  // listr2 asks the process's own stdout; whoever made this reporter has decided already.
  static nonTTY = true
  static rendererOptions: TreeOptions
  /** What stands behind a task of listr2: a host. */
  static rendererTaskOptions: { readonly row: HostRow }
  readonly #tasks: readonly TreeTask[]
  readonly #options: TreeOptions
  #frames = 0

  constructor(tasks: TreeTask[], options: TreeOptions) {
    this.#tasks = tasks
    this.#options = options
  }

  render(): void {
    this.#options.screen.show((height) => this.#frame(height))
  }

  end(): void {
    this.#options.screen.hide()
    this.#options.screen.print(this.#options.summary())
  }

  #frame(height: number): Line[] {
    const spinner = spinners[this.#frames++ % spinners.length] ?? ''
    const { play } = this.#options
    // Two lines a host is the least that shows where each is.
    const roomy = play.hosts.length * 2 + 1 <= height
    const lines = roomy ? this.#hostLines(height - 1, spinner) : this.#sums(height - 1, spinner)
    return [[['bold', `== ${play.title}`]], ...lines]
  }

  #hostLines(height: number, spinner: string): Line[] {
    const width = widest(this.#options.play)
    const spare = height - 2 * this.#tasks.length
    const each = Math.max(0, Math.floor(spare / Math.max(1, this.#tasks.length)))
    return this.#tasks.flatMap((task) => {
      const host = task.rendererTaskOptions.row
      const current = host.failed ? undefined : host.next
      return [
        hostLine(host, width, spinner, false),
        ...(each > 0 ? host.notable.slice(-each).map(endedLine) : []),
        ...(current ? [currentLine(current, spinner)] : []),
      ]
    })
  }

  #sums(height: number, spinner: string): Line[] {
    const { play } = this.#options
    const lines = sumLines(play)
    const width = widest(play)
    const are = (doing: HostRow['doing']) => play.hosts.filter((host) => host.doing === doing)
    const failed = are('failed')
    // Changes last longer than checks, and are what one waits for.
    const working = [...are('changing'), ...are('checking')]
    const room = Math.max(0, height - lines.length - 1)
    // Many that failed must not hide what still goes on: the work has half of the room.
    const share = Math.max(room - working.length, Math.ceil(room / 2))
    const named = [...failed.slice(0, share), ...working].slice(0, room)
    lines.push(...named.map((host) => busyLine(host, width, spinner)))
    const hidden = failed.length + working.length - named.length
    if (hidden > 0) lines.push([['dim', `  and ${hidden} more at work or failed`]])
    return lines
  }
}

/** The width of the longest host name of a play. */
export function widest(play: PlayRow): number {
  return Math.max(0, ...play.hosts.map(({ host }) => host.length))
}
