import { type Ability, abilities } from '../../lib/drill/environment.ts'
import type { Machine } from '../../lib/drill/machine/machine.ts'
import type { Verdict } from '../../lib/drill/record/round-record.ts'
import type { StartWorkload } from '../../lib/drill/workload.ts'
import { unreached } from '../../playbooks/drills/pair/look.ts'
import type { NodeState, PairPlan, PairState } from '../../playbooks/drills/pair/state.ts'
import { pairSystem } from '../../playbooks/drills/pair/system.ts'
import type { Drill, Environment } from '../../playbooks/drills/pair/words.ts'

export const plan: PairPlan = {
  recipe: 'tandem',
  programs: ['nfsdcld', 'rpc.mountd'],
  movesBack: false,
  nodes: [
    { name: 'M1', fqdn: 'M1.redhat.sx' },
    { name: 'M2', fqdn: 'M2.redhat.sx' },
  ],
  preferred: 'M1',
  client: { name: 'C1', device: 'em1', mountPoint: '/data' },
  vip: { address: '192.168.0.219', device: 'em1' },
  drbd: { resource: 'drbd', minor: 0, disk: '/dev/mapper/VolGroup-lv_drbd', maxRate: '110M' },
  path: '/data',
  heartbeat: { deadtime: 1, initdead: 2 },
  grace: 1,
  slow: 0.01,
}

const replica = (role: string, peerRole: string) => ({
  connection: 'Connected',
  role,
  peerRole,
  disk: 'UpToDate',
  peerDisk: 'UpToDate',
  outOfSync: 0,
})

/** A node with the whole service. */
export const active = (name: string): NodeState => ({
  name,
  reached: true,
  replica: replica('Primary', 'Secondary'),
  heartbeat: name === 'M1' ? 'local' : 'all',
  mounted: true,
  threads: 8,
  vip: true,
  missing: [],
  waiting: '',
})

/** A node that could take over. */
export const idle = (name: string): NodeState => ({
  name,
  reached: true,
  replica: replica('Secondary', 'Primary'),
  heartbeat: name === 'M1' ? 'none' : 'foreign',
  mounted: false,
  threads: 0,
  vip: false,
  missing: ['nfsdcld', 'rpc.mountd'],
  waiting: '',
})

/** A pair in memory; `pretend` changes what is seen of it. */
export class FakeGround implements Environment {
  readonly plan = plan
  readonly system = pairSystem(plan)
  readonly can: ReadonlySet<Ability>
  readonly nodes: readonly Machine[]
  readonly client: Machine
  readonly done: string[] = []
  readonly off = new Set<string>()
  serving = 'M1'
  pretend: (nodes: NodeState[]) => NodeState[] = (nodes) => nodes
  /** What a verify in the end finds. */
  proc =
    'version: 8.4.11\n 0: cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate C r-----\n    oos:0\n'

  constructor(can: readonly Ability[] = abilities) {
    this.can = new Set(can)
    this.nodes = ['M1', 'M2'].map((name) => this.#machine(name))
    this.client = this.#machine('C1')
  }

  #machine(name: string): Machine {
    return {
      name,
      run: async (script, { stdin = '' } = {}) => {
        if (this.off.has(name)) throw new Error(`${name}: no answer`)
        this.done.push(`${name}: ${script.split('\n').at(-1)}`)
        const stdout = this.answer(name, script, stdin)
        const exitCode = script.includes('drbdadm primary') ? 17 : 0
        return { stdout, stderr: '', exitCode }
      },
      stream: (_script, onLine, signal) => this.listen(name, onLine, signal),
    }
  }

  /** What the NFS server's counter says until it is enough. */
  protected listen(_name: string, _onLine: (line: string) => void, signal: AbortSignal) {
    return new Promise<void>((resolve) =>
      signal.addEventListener('abort', () => resolve(), { once: true }),
    )
  }

  /** What a script says; a test's own pair may know more of them. */
  protected answer(name: string, script: string, _stdin: string): string {
    const uptime = (Date.now() / 1000) % 100_000
    if (script.includes('"+$up %s.%N"')) return `${uptime} ${Date.now() / 1000}\n`
    if (script.includes('/dev/kmsg')) return `${uptime} [${uptime}] mark\n`
    if (script.includes('date +%z')) return '+0000\n'
    if (script.includes('--- stamps')) return '--- stamps\n--- kernel\n--- heartbeat\n'
    if (script.includes('cat /proc/drbd')) return this.proc
    if (script.includes('hb_standby')) this.serving = name === 'M1' ? 'M2' : 'M1'
    if (script.includes('systemctl stop heartbeat') && this.pretend) this.pretend = (all) => all
    return ''
  }

  async look({ arp = false } = {}): Promise<PairState> {
    const nodes = this.pretend(
      ['M1', 'M2'].map((name) => {
        if (this.off.has(name)) return unreached(name)
        return name === this.serving ? active(name) : idle(name)
      }),
    )
    const owners = nodes.filter(({ vip }) => vip).map(({ name }) => name)
    return { at: Date.now(), askedAt: Date.now(), nodes, ...(arp && { owners }) }
  }

  async powerOff(name: string) {
    this.done.push(`power off ${name}`)
    this.off.add(name)
    this.serving = name === 'M1' ? 'M2' : 'M1'
  }
  async powerOn(name: string) {
    this.done.push(`power on ${name}`)
    this.off.delete(name)
  }
  async freeze(name: string) {
    this.done.push(`freeze ${name}`)
  }
  async thaw(name: string) {
    this.done.push(`thaw ${name}`)
  }
  async cut(link: string) {
    this.done.push(`cut ${link}`)
  }
  async heal(link: string) {
    this.done.push(`heal ${link}`)
  }
  async play(words: readonly string[]) {
    this.done.push(`play ${words.join(' ')}`)
    return { code: 0, text: '' }
  }
  async restore() {
    this.done.push('restore')
  }
  async lock() {}
  async close() {}
}

/** Writers that did one thing well; `verdict` says what the checker found. */
export function fakeBook(verdict: Partial<Verdict> = {}, removed: string[] = []): StartWorkload {
  return async (_client, _plan, run, expected) => ({
    end: async () => [
      ...expected.map((error) => ({
        writer: 'append' as const,
        work: 'append' as const,
        sequence: 1,
        beganMs: Date.now() - 5,
        endedMs: Date.now(),
        outcome: 'fail' as const,
        error,
      })),
      {
        writer: 'create',
        work: 'create',
        sequence: 1,
        beganMs: Date.now() - 5,
        endedMs: Date.now(),
        outcome: 'ok',
      },
    ],
    lockIsHeld: async () => true,
    check: async () => ({
      acknowledged: 1,
      lost: [],
      indeterminate: 0,
      clientErrors: [],
      ...verdict,
    }),
    stalls: () => ({ newFile: 20, openFile: 10, read: 5, lock: 5 }),
    remove: async () => {
      removed.push(run)
    },
  })
}

/** A drill that does what the test says. */
export function drillOf(run: Drill['run'], more: Partial<Drill> = {}): Drill {
  return { name: 'made-up', about: 'for this test', needs: [], moves: false, run, ...more }
}
