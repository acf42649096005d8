import { must } from '../../lib/drill/index.ts'
import { crash } from './pair/limits.ts'
import { servingOf } from './pair/state.ts'
import type { Drill, Stage } from './pair/words.ts'
import { moveLimitMs } from './planned.ts'

/** Ends a part of the service; verify must see it unless the watch was quicker, and the watch acts. */
async function missing(stage: Stage, what: string, script: string): Promise<void> {
  const { active } = stage
  // Each round is one failure, not the fourth in ten minutes, after which the watch only reports.
  const acts = '/run/tandem/watch/acts'
  await must(stage.machine(active), `[ ! -e ${acts} ] || : >${acts}`)
  await stage.fault(`${what} ends on ${active}`, () => must(stage.machine(active), script))
  const { code, text } = await stage.play(['verify'])
  const now = servingOf(await stage.ground.look())
  if (code !== 0 && text.includes(what)) stage.say(`verify names ${what}`)
  else if (now) stage.say('the watch was quicker than verify')
  else stage.wrong(`verify says nothing of ${what}`)
  const state = await stage.until(
    `${what} is back, or the other node serves`,
    moveLimitMs(stage),
    (seen) => servingOf(seen) !== undefined,
  )
  stage.say(servingOf(state)?.name === active ? `started again on ${active}` : `${active} stood by`)
}

export const nfsd: Drill = {
  name: 'nfsd',
  about: 'ends nfsd on the active node; verify sees it, and the watch acts',
  needs: [],
  moves: 'either',
  budgetMs: crash,
  run: (stage) => missing(stage, 'nfsd', 'rpc.nfsd 0'),
}

export const nfsdcld: Drill = {
  name: 'nfsdcld',
  about: 'kills nfsdcld on the active node; verify sees it, and the watch acts',
  needs: [],
  moves: 'either',
  budgetMs: crash,
  run: (stage) => missing(stage, 'nfsdcld', 'pkill -KILL -x nfsdcld'),
}
