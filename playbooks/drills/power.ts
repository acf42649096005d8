import { must } from '../../lib/drill/index.ts'
import { fenced, heldMs } from './pair/limits.ts'
import { holdsAny } from './pair/state.ts'
import type { Drill } from './pair/words.ts'
import { moveLimitMs, serves } from './planned.ts'
import { returnsByItself } from './returns.ts'

export const standbyOff: Drill = {
  name: 'standby-off',
  about: 'takes the power from the standby; the active node goes on once it is sure of that',
  needs: ['power'],
  moves: false,
  crash: true,
  budgetMs: () => heldMs,
  maxStallMs: () => heldMs,
  run: async (context) => {
    const { active, standby, environment } = context
    context.undo(`${standby} gets its power back`, () => environment.powerOn(standby))
    await context.fault(`${standby} loses its power`, () => environment.powerOff(standby))
    await context.keepsServing(active, (environment.plan.heartbeat.deadtime + 20) * 1_000)
  },
}

export const panic: Drill = {
  name: 'panic',
  about: 'lets the kernel of the active node panic, which restarts it; the other takes over',
  needs: ['spare'],
  moves: true,
  crash: true,
  budgetMs: fenced,
  run: async (context) => {
    const { active } = context
    const wasOff = await returnsByItself(context, active)
    // A moment later, or the order itself would have no answer.
    const script = `echo 1 >/proc/sys/kernel/sysrq
setsid sh -c 'sleep 0.2; echo c >/proc/sysrq-trigger' </dev/null >/dev/null 2>&1 &`
    await context.fault(`the kernel of ${active} panics`, () =>
      must(context.machine(active), script),
    )
    // It may be back before it is missed: then heartbeat has to settle first.
    await context.until(
      `${context.standby} serves`,
      2 * moveLimitMs(context),
      serves(context.standby),
    )
    await context.heal()
    await wasOff()
  },
}

/** Ends as soon as a node that takes over is Primary or sees to its peer's power; 3 where it never is. */
const midway = (
  minor: number,
  seconds: number,
) => `lines() { set -- $(wc -l </run/tandem/phases 2>/dev/null) 0; echo "$1"; }
read -r up _ </proc/uptime; end=$((\${up%.*} + ${seconds})) old=$(lines)
while [ "\${up%.*}" -lt $end ]; do
  grep -q '^ *${minor}: .* ro:Primary/' /proc/drbd && echo 'it is Primary' && exit
  tail -n +$((old + 1)) /run/tandem/phases 2>/dev/null | grep -q ' fence-begin$' && echo 'it is about to power off its peer' && exit
  sleep 0.1; read -r up _ </proc/uptime
done; exit 3`

export const takerOff: Drill = {
  name: 'taker-off',
  about: 'takes the power from the active node, and from the other while it takes over',
  needs: ['power'],
  moves: 'either',
  crash: true,
  run: async (context) => {
    const { active, standby, environment } = context
    const limitMs = moveLimitMs(context)
    for (const name of [active, standby]) {
      context.undo(`${name} gets its power back`, () => environment.powerOn(name))
    }
    const script = midway(environment.plan.drbd.minor, Math.ceil(limitMs / 1000))
    const taking = context.machine(standby).run(script, { timeoutMs: limitMs + 60_000 })
    // Else a rejection that comes while the fault is being done would have no one to hear it.
    taking.catch(() => {})
    await context.fault(`${active} loses its power`, () => environment.powerOff(active))
    const { stdout, exitCode } = await taking
    if (exitCode !== 0) throw new Error(`${standby} did not begin to take over`)
    const where = stdout.trim()
    await context.fault(`${standby} loses its power: ${where}`, () => environment.powerOff(standby))
    await context.pause(5_000)
    await context.heal()
  },
}

/** Both lose their power; the first that has it back may have the older data, and must wait. */
const bothOff = (name: string, first: 'active' | 'standby'): Drill => ({
  name,
  about: `takes the power from both nodes; the ${first} has it back first, and must not serve alone`,
  needs: ['power'],
  moves: 'either',
  crash: true,
  run: async (context) => {
    const { active, standby, environment } = context
    const { heartbeat, slow } = environment.plan
    for (const one of [active, standby]) {
      context.undo(`${one} gets its power back`, () => environment.powerOn(one))
    }
    await context.fault(`${active} loses its power`, () => environment.powerOff(active))
    await context.pause(1_000)
    await context.fault(`${standby} loses its power`, () => environment.powerOff(standby))
    await context.pause(3_000)
    const early = context[first]
    context.say(`${early} gets its power back, alone`)
    await environment.powerOn(early)
    const aloneMs = (2 * heartbeat.initdead + 30 * slow) * 1_000
    if (await context.comesTrue(aloneMs, ({ nodes }) => nodes.some(holdsAny))) {
      context.wrong(`${early} serves alone, and the other may have newer data`)
    } else context.say(`${early} does not serve alone`)
    await context.heal()
  },
})

export const bothOffActiveFirst = bothOff('both-off-active-first', 'active')
export const bothOffStandbyFirst = bothOff('both-off-standby-first', 'standby')
