import { afterEach, beforeEach, expect, it, vi } from 'vitest'
import { drills } from '../../lib/drill/drills/index.ts'
import type { NodeState } from '../../lib/drill/pair.ts'
import { runDrills } from '../../lib/drill/run.ts'
import { FakeGround, fakeBook } from './fake.ts'

// Vitest's clock does not reach this module's own timers.
vi.mock('node:timers/promises', () => ({
  setTimeout: (ms: number) => new Promise((resolve) => setTimeout(resolve, ms)),
}))

/** A pair that does what a good pair does when it is broken. */
class GoodPair extends FakeGround {
  readonly cuts = new Set<string>()
  broken = ''
  boots = 0

  constructor() {
    super()
    this.pretend = (nodes) => nodes.map((node) => this.#state(node))
  }

  protected override answer(name: string, script: string, stdin: string): string {
    if (script.includes('hblinkstatus')) return this.cuts.has('em2') ? 'dead' : 'up'
    if (script.includes('boot_id')) return `boot ${this.boots}`
    if (script.includes('/sys/block/')) return '2000000'
    if (script.includes('dmsetup table')) return '0 2048 linear 254:16 2048\n'
    if (script.includes('--- stamps')) {
      return '--- stamps\n--- kernel\n[ 1.0] Began resync as SyncSource (will sync 512 KB\n--- heartbeat\n'
    }
    if (script.includes('dmsetup load')) this.broken = stdin.includes('error') ? 'disk' : ''
    if (script.includes('systemctl reboot')) this.boots++
    if (script.includes('pause-sync')) this.broken = 'sync'
    if (script.includes('resume-sync')) this.broken = ''
    if (script.includes('stop --no-block heartbeat')) {
      this.broken = 'heartbeat'
      this.serving = name === 'M1' ? 'M2' : 'M1'
    }
    if (script.includes('start heartbeat')) this.broken = ''
    if (script.includes('rpc.nfsd 0') || script.includes('pkill')) this.broken = 'nfsd'
    return super.answer(name, script, stdin)
  }

  #state(node: NodeState): NodeState {
    const serves = node.name === this.serving
    const replica = { ...node.replica }
    let { heartbeat } = node
    if (this.cuts.has('em3')) {
      Object.assign(replica, { connection: 'WFConnection', peerDisk: 'Outdated' })
      if (!serves) replica.disk = this.broken === 'sync' ? 'Inconsistent' : 'Outdated'
    } else if (this.broken === 'sync' && !serves) replica.disk = 'Inconsistent'
    if (this.broken === 'disk' && serves) replica.disk = 'Diskless'
    if (this.broken === 'heartbeat' && !serves) heartbeat = 'stopped'
    return { ...node, replica, heartbeat }
  }

  override async cut(link: string) {
    await super.cut(link)
    this.cuts.add(link)
    if (link === `${this.serving}.em1`) this.serving = this.serving === 'M1' ? 'M2' : 'M1'
  }

  override async heal(link: string) {
    await super.heal(link)
    this.cuts.delete(link)
  }

  override async play(words: readonly string[]) {
    await super.play(words)
    if (words[0] === 'switchover') return { code: this.broken === 'sync' ? 4 : 0, text: '' }
    const wrong = [...this.cuts].map((cut) => `heartbeat line ${cut}`)
    if (this.broken) wrong.push(`${this.broken} does not run`, 'nfsdcld does not run')
    if (this.broken === 'nfsd') this.broken = ''
    return { code: wrong.length > 0 ? 2 : 0, text: wrong.join('\n') }
  }
}

beforeEach(() => void vi.useFakeTimers({ now: Date.UTC(2026, 10, 22) }))
afterEach(() => void vi.useRealTimers())

it.each(drills.map((drill) => [drill.name, drill] as const))(
  '%s passes on a good pair',
  async (_, drill) => {
    const ground = new GoodPair()
    const said: string[] = []
    const running = runDrills(ground, {
      drills: [drill],
      rounds: 1,
      startBook: fakeBook(),
      say: (text) => said.push(text),
      signal: new AbortController().signal,
    })
    await vi.advanceTimersByTimeAsync(30 * 60_000)
    const { exitCode, breach } = await running
    expect(breach?.problems ?? [], said.join('\n')).toEqual([])
    expect(exitCode).toBe(0)
    expect([...ground.cuts]).toEqual([])
    expect(ground.off.size).toBe(0)
  },
)
