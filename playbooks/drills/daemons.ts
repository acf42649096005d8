import { must } from '../../lib/drill/index.ts'
import { crash } from './pair/limits.ts'
import { servingOf } from './pair/state.ts'
import type { Drill, RoundContext } from './pair/words.ts'
import { moveLimitMs } from './planned.ts'

/** Ends a part of the service; verify must see it unless the watch was quicker, and the watch acts. */
async function missing(context: RoundContext, what: string, script: string): Promise<void> {
  const { active } = context
  // Each round is one failure, not the fourth in ten minutes, after which the watch only reports.
  const acts = '/run/tandem/watch/acts'
  await must(context.machine(active), `[ ! -e ${acts} ] || : >${acts}`)
  await context.fault(`${what} ends on ${active}`, () => must(context.machine(active), script))
  const { code, text } = await context.play(['verify'])
  const now = servingOf(await context.environment.look())
  if (code !== 0 && text.includes(what)) context.say(`verify names ${what}`)
  else if (now) context.say('the watch was quicker than verify')
  else context.wrong(`verify says nothing of ${what}`)
  const state = await context.until(
    `${what} is back, or the other node serves`,
    moveLimitMs(context),
    (seen) => servingOf(seen) !== undefined,
  )
  context.say(
    servingOf(state)?.name === active ? `started again on ${active}` : `${active} stood by`,
  )
}

export const nfsd: Drill = {
  name: 'nfsd',
  about: 'ends nfsd on the active node; verify sees it, and the watch acts',
  needs: [],
  moves: 'either',
  budgetMs: crash,
  run: (context) => missing(context, 'nfsd', 'rpc.nfsd 0'),
}

export const nfsdcld: Drill = {
  name: 'nfsdcld',
  about: 'kills nfsdcld on the active node; verify sees it, and the watch acts',
  needs: [],
  moves: 'either',
  budgetMs: crash,
  run: (context) => missing(context, 'nfsdcld', 'pkill -KILL -x nfsdcld'),
}
