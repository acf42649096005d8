import type { NodeState } from '../../playbooks/drills/pair/state.ts'
import { FakeGround, idle } from './fake.ts'

const other = (name: string) => (name === 'M1' ? 'M2' : 'M1')

/** A fenced pair that does what a good pair does when it is broken. */
export class GoodPair extends FakeGround {
  readonly cuts = new Set<string>()
  readonly frozen = new Set<string>()
  readonly boots = new Map<string, number>()
  /** Parts that do not run, and the nodes whose end of a line hears nothing. */
  broken = ''
  deaf = ''
  /** Both were without power: none serves before both are back. */
  dark = false
  /** What the survivor waits for until an administrator says that its peer is off. */
  waiting = ''

  constructor() {
    super()
    this.pretend = (nodes) => nodes.map((node) => this.#state(node))
  }

  protected override answer(name: string, script: string, stdin: string): string {
    if (script.includes('hblinkstatus')) return this.cuts.has('em2') ? 'dead' : 'up'
    if (script.includes('boot_id')) return `boot ${this.boots.get(name) ?? 0}`
    if (script.includes('/sys/block/')) return '2000000'
    if (script.includes('dmsetup table')) return '0 2048 linear 254:16 2048\n'
    if (script.includes('--- stamps')) {
      return '--- stamps\n--- kernel\n[ 1.0] Began resync as SyncSource (will sync 512 KB\n--- heartbeat\n'
    }
    if (script.includes('dmsetup load')) this.broken = stdin.includes('error') ? 'disk' : ''
    if (script.includes('dmsetup suspend') && !script.includes('load')) this.#shoot(name)
    if (script.includes('systemctl reboot')) this.#boot(name)
    if (script.includes('pause-sync')) this.broken = 'sync'
    if (script.includes('resume-sync')) this.broken = ''
    if (script.includes('stop --no-block heartbeat')) {
      this.broken = 'heartbeat'
      this.serving = other(name)
    }
    if (script.includes('start heartbeat')) this.broken = ''
    if (script.includes('systemctl stop heartbeat')) return ''
    if (script.includes('rpc.nfsd 0') || script.includes('pkill')) this.broken = 'nfsd'
    if (script.includes('sysrq-trigger') || script.includes('kill -STOP')) this.#shoot(name)
    if (script.includes('ingress')) this.deaf = script.includes('em3') ? 'em3' : 'em1'
    if (script.includes('ingress') && this.deaf === 'em1') this.serving = other(name)
    if (script.includes('qdisc del')) this.deaf = ''
    return super.answer(name, script, stdin)
  }

  #boot(name: string) {
    this.boots.set(name, (this.boots.get(name) ?? 0) + 1)
  }

  /** Its peer powers it off, and on again. */
  #shoot(name: string) {
    this.#boot(name)
    this.frozen.delete(name)
    if (this.serving === name) this.serving = other(name)
  }

  #state(found: NodeState): NodeState {
    if (!found.reached) return found
    const serves = found.name === this.serving
    const none = serves && (this.dark || this.waiting !== '')
    const node = none ? { ...idle(found.name), waiting: this.waiting } : found
    const replica = { ...node.replica }
    let { heartbeat } = node
    if (this.cuts.has('em3') || this.deaf === 'em3') {
      Object.assign(replica, { connection: 'WFConnection', peerDisk: 'Outdated' })
      if (!serves) replica.disk = this.broken === 'sync' ? 'Inconsistent' : 'Outdated'
    } else if (this.broken === 'sync' && !serves) replica.disk = 'Inconsistent'
    if (this.broken === 'disk' && serves) replica.disk = 'Diskless'
    if (this.broken === 'heartbeat' && !serves) heartbeat = 'stopped'
    return { ...node, replica, heartbeat }
  }

  override async powerOff(name: string) {
    await super.powerOff(name)
    this.dark = this.off.size === 2
    if (this.cuts.has(`bmc-${name}`)) this.waiting = 'not confirmed: npm run play confirm-off'
  }

  override async powerOn(name: string) {
    await super.powerOn(name)
    this.#boot(name)
    this.dark &&= this.off.size > 0
  }

  override async freeze(name: string) {
    await super.freeze(name)
    this.#shoot(name)
  }

  override async cut(link: string) {
    await super.cut(link)
    this.cuts.add(link)
    const gone = /^(M\d)\.em1$/.exec(link)?.[1]
    if (gone && this.serving === gone) this.serving = other(gone)
    if (link !== 'em3') return
    // With its client's line cut too, a node is alone, and its peer powers it off.
    for (const name of ['M1', 'M2']) if (this.cuts.has(`${name}.em1`)) this.#shoot(name)
  }

  override async heal(link: string) {
    await super.heal(link)
    this.cuts.delete(link)
  }

  override async play(words: readonly string[]) {
    await super.play(words)
    if (words[0] === 'switchover') {
      if (this.broken === 'sync') return { code: 4, text: '' }
      this.serving = other(this.serving)
      return { code: 0, text: '' }
    }
    if (words[0] === 'confirm-off') {
      this.waiting = ''
      return { code: 0, text: '' }
    }
    const wrong = [...this.cuts].map((cut) => `heartbeat line ${cut}`)
    if (this.broken) wrong.push(`${this.broken} does not run`, 'nfsdcld does not run')
    if (this.deaf) wrong.push(`heartbeat line ${this.deaf} is dead, DRBD is apart`)
    if (this.waiting) wrong.push(this.waiting)
    if ([...this.cuts].some((cut) => cut.startsWith('bmc-'))) wrong.push('power switch is silent')
    if (this.broken === 'nfsd') this.broken = ''
    return { code: wrong.length > 0 ? 2 : 0, text: wrong.join('\n') }
  }
}
