import { must } from '../../lib/drill/index.ts'
import { fenced, planned } from './pair/limits.ts'
import { type NodeState, type PairPlan, type PairState, servingOf } from './pair/state.ts'
import type { Drill, RoundContext } from './pair/words.ts'
import { moveLimitMs, untilServes } from './planned.ts'
import { bootOf, returnsByItself } from './returns.ts'

/** A signal to heartbeat's master control process; not to the shell of the same name that runs it. */
const signal = (name: 'KILL' | 'STOP') => `read -r pid _ </run/heartbeat.pid
read -r name <"/proc/$pid/comm" && [ "$name" = heartbeat ] && kill -${name} "$pid"`

/** Heartbeat's word for a node that has the whole service: `local` is said by both of a healthy pair. */
function knows({ preferred }: PairPlan, { name, heartbeat }: NodeState): boolean {
  return heartbeat === 'all' || heartbeat === (name === preferred ? 'local' : 'foreign')
}

/** For how long no node served, told by looks; a node that did not answer says nothing. */
function interruption() {
  let since: number | undefined
  let longest = 0
  return {
    see: (state: PairState) => {
      if (servingOf(state)) since = undefined
      else if (state.nodes.every(({ reached }) => reached)) {
        since ??= state.askedAt
        longest = Math.max(longest, state.at - since)
      }
    },
    longestMs: () => longest,
  }
}

export const heartbeatKilled: Drill = {
  name: 'heartbeat-killed',
  about: 'kills heartbeat on the active node, which starts it again; then takes its power',
  needs: ['power'],
  moves: 'either',
  crash: true,
  budgetMs: fenced,
  run: async (context) => {
    const { plan } = context.environment
    const serving = await killed(context)
    const other = plan.nodes.find(({ name }) => name !== serving)?.name ?? context.standby
    // Only a heartbeat that came back is missed by the other when its node dies.
    context.undo(`${serving} gets its power back`, () => context.environment.powerOn(serving))
    const loses = () => context.environment.powerOff(serving)
    await context.fault(`${serving} loses its power`, loses, true)
    await untilServes(context, other)
  },
}

/** Kills heartbeat on the active node and waits until it runs as before; gives the node that serves. */
async function killed(context: RoundContext): Promise<string> {
  const { active, environment } = context
  const { heartbeat } = environment.plan
  const node = context.machine(active)
  const boot = await bootOf(context, active)
  context.undo(`heartbeat runs on ${active}`, () =>
    // Not where the node was started since: then it starts by itself, or has a reason not to.
    must(
      node,
      `read -r boot </proc/sys/kernel/random/boot_id; [ "$boot" != '${boot}' ] || systemctl is-active -q heartbeat || systemctl start heartbeat`,
      { timeoutMs: 300_000 },
    ),
  )
  const gap = interruption()
  const of = (state: PairState, done: (own: NodeState) => boolean) => {
    gap.see(state)
    return state.nodes.some((own) => own.name === active && own.reached && done(own))
  }
  await context.fault(`heartbeat is killed on ${active}`, () => must(node, signal('KILL')))
  await context.until(`heartbeat runs again on ${active}`, heartbeat.deadtime * 1_000, (state) =>
    of(state, (own) => own.heartbeat !== 'stopped'),
  )
  const limitMs = heartbeat.initdead * 2_000 + moveLimitMs(context)
  const state = await context.until('heartbeat knows who serves', limitMs, (seen) => {
    of(seen, () => true)
    const serving = servingOf(seen)
    return serving !== undefined && knows(environment.plan, serving)
  })
  const serving = servingOf(state)?.name ?? active
  context.say(serving === active ? `${active} served on` : `${serving} took over`)
  const ms = Math.round(gap.longestMs())
  if (ms > planned(environment.plan)) {
    context.wrong(
      `no node served for ${ms} ms, longer than a planned move (${planned(environment.plan)} ms)`,
    )
  }
  return serving
}

export const heartbeatStopped: Drill = {
  name: 'heartbeat-stopped',
  about:
    'stops heartbeat on the active node by SIGSTOP; its watchdog resets it, the other takes over',
  needs: ['spare'],
  moves: true,
  crash: true,
  budgetMs: fenced,
  run: async (context) => {
    const { active } = context
    const node = context.machine(active)
    context.undo(`heartbeat goes on on ${active}`, () =>
      must(node, 'read -r pid _ </run/heartbeat.pid && kill -CONT "$pid" 2>/dev/null; :'),
    )
    const wasOff = await returnsByItself(context, active)
    await context.fault(`heartbeat is stopped on ${active}`, () => must(node, signal('STOP')))
    // The other waits for the watchdog: DRBD still sees a node that serves.
    await context.until(
      `${active} was reset, and ${context.standby} serves`,
      2 * moveLimitMs(context),
      (state) => servingOf(state)?.name === context.standby,
    )
    await context.heal()
    await wasOff()
  },
}
