import { cut, verifyNames } from './lines.ts'
import { fenced, heldMs } from './pair/limits.ts'
import type { Drill, RoundContext } from './pair/words.ts'
import { moveLimitMs, serves, untilServes } from './planned.ts'
import { returnsByItself } from './returns.ts'

/** What `verify` may say of a node that is cut off, or is on its way up. */
const named = /DRBD|heartbeat|answer|reach|closed|lost/

/** Long enough for the one that is cut off to be started again, alone. */
const apartMs = 90_000

/** The lines of one node: those between the nodes have two ends, and both lose them. */
export const linesOf = (name: string): string[] => [`${name}.em1`, 'em2', 'em3']

/** Cuts a node off, waits until the other serves alone, and lets the one that was off come back. */
async function isolate(
  context: RoundContext,
  name: string,
  links: readonly string[],
): Promise<void> {
  const { active, standby } = context
  const other = name === active ? standby : active
  const wasOff = await returnsByItself(context, name)
  const end = Date.now() + apartMs
  await cut(context, `${links.join(', ')} are cut: ${name} is alone`, links)
  if (name === active) await untilServes(context, other)
  await context.watch(Math.max(0, end - Date.now()))
  await context.until(`${other} serves, alone`, moveLimitMs(context), serves(other))
  await verifyNames(context, named)
  await context.heal()
  await wasOff()
}

const ofStandby = { needs: ['cables'], moves: false, crash: true, budgetMs: () => heldMs } as const
const ofActive = { needs: ['cables'], moves: true, crash: true, budgetMs: fenced } as const

export const isolatedStandby: Drill = {
  ...ofStandby,
  name: 'isolated-standby',
  about: 'cuts all lines of the standby but the one to the power switches; nothing moves',
  run: (context) => isolate(context, context.standby, linesOf(context.standby)),
}

export const isolatedActive: Drill = {
  ...ofActive,
  name: 'isolated-active',
  about:
    'cuts all lines of the active node but the one to the power switches; the other takes over',
  run: (context) => isolate(context, context.active, linesOf(context.active)),
}

export const allLinesStandby: Drill = {
  ...ofStandby,
  name: 'all-lines-standby',
  about: 'cuts every line of the standby; nothing moves',
  run: (context) =>
    isolate(context, context.standby, [...linesOf(context.standby), `${context.standby}.em4`]),
}

export const allLinesActive: Drill = {
  ...ofActive,
  name: 'all-lines-active',
  about: 'cuts every line of the active node; the other takes over',
  run: (context) =>
    isolate(context, context.active, [...linesOf(context.active), `${context.active}.em4`]),
}
