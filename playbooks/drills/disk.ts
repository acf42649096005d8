import { must } from '../../lib/drill/index.ts'
import { limits } from '../../roles/integrate/watch.ts'
import { cut, promotionIsRefused } from './lines.ts'
import { fenced } from './pair/limits.ts'
import { nodeOf, type PairPlan, type PairState } from './pair/state.ts'
import type { Drill } from './pair/words.ts'
import { moveLimitMs, serves } from './planned.ts'
import { returnsByItself } from './returns.ts'

export const diskError: Drill = {
  name: 'disk-error',
  about:
    'lets every access to the disk of the active node fail; it goes on with the disk of its peer',
  needs: ['disk'],
  moves: false,
  run: async (context) => {
    const { active, environment } = context
    const { drbd } = environment.plan
    const node = context.machine(active)
    const device = `'${drbd.disk}'`
    const table = (await must(node, `dmsetup table ${device}`)).trim()
    const sectors = table.split('\n').reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)
    if (!(sectors > 0)) throw new Error(`${active}: cannot read the table of ${drbd.disk}`)
    // `--noflush` and `--nolockfs`: what is under way meets the errors too.
    const swap = `dmsetup load ${device} && dmsetup suspend --noflush --nolockfs ${device} && dmsetup resume ${device}`
    context.undo(`the disk of ${active} is good again, and attached`, async () => {
      await must(node, swap, { stdin: `${table}\n` })
      await must(node, `drbdadm attach ${drbd.resource}`, { timeoutMs: 120_000 })
    })
    await context.fault(`the disk of ${active} fails`, () =>
      must(node, swap, { stdin: `0 ${sectors} error\n` }),
    )
    await context.until(
      `${active} has detached its disk`,
      moveLimitMs(context),
      (state) => nodeOf(state, active)?.replica.disk === 'Diskless',
    )
    await context.keepsServing(active, 15_000)
  },
}

/** As long as the watch looks at a disk that answers nothing, whose looks take as long as its pauses, and then a crash. */
const hungMs = (plan: PairPlan) => limits.every * limits.hung * 1_000 * 2 + fenced(plan)

export const diskHang: Drill = {
  name: 'disk-hang',
  about:
    'lets the disk of the active node answer nothing, without an error; it resets itself and the other takes over',
  needs: ['disk'],
  moves: true,
  crash: true,
  budgetMs: hungMs,
  run: async (context) => {
    const { active, standby, environment } = context
    const node = context.machine(active)
    const device = `'${environment.plan.drbd.disk}'`
    // Where it did not reset itself; else after it is back.
    context.undo(`the disk of ${active} answers`, () =>
      must(node, `! dmsetup info ${device} | grep -q SUSPENDED || dmsetup resume ${device}`),
    )
    const wasOff = await returnsByItself(context, active)
    await context.fault(`the disk of ${active} answers nothing`, () =>
      must(node, `dmsetup suspend --noflush --nolockfs ${device}`),
    )
    await context.until(`${standby} serves`, 2 * hungMs(environment.plan), serves(standby))
    await context.heal()
    await wasOff()
  },
}

/** Takes every block there is, in ever smaller pieces; the reserve for root too. */
const fill = (file: string) => `piece=67108864 at=0
while [ $piece -ge 4096 ]; do
  if fallocate -o $at -l $piece '${file}' 2>/dev/null; then at=$((at + piece)); else piece=$((piece / 2)); fi
done; sync -f '${file}'; stat -f -c 'free blocks: %f' '${file}'`

export const full: Drill = {
  name: 'full',
  about: 'fills the filesystem; clients are told so, and nothing moves',
  needs: ['spare'],
  moves: false,
  expects: ['ENOSPC'],
  run: async (context) => {
    const { active, environment } = context
    const file = `${environment.plan.path}/.tandem-drill-full`
    const node = context.machine(active)
    context.undo('the space is free again', () =>
      must(node, `rm -f '${file}' && sync -f '${environment.plan.path}'`),
    )
    await context.fault('the filesystem is filled', () =>
      must(node, fill(file), { timeoutMs: 120_000 }),
    )
    await context.keepsServing(active, (environment.plan.heartbeat.deadtime + 10) * 1_000)
  },
}

export const duringResync: Drill = {
  name: 'during-resync',
  about: 'tries to move the service while the other disk is not whole; it must be refused',
  needs: ['cables', 'spare'],
  moves: false,
  run: async (context) => {
    const { active, standby, environment } = context
    const { drbd, path } = environment.plan
    const node = context.machine(standby)
    const isApart = (state: PairState) =>
      nodeOf(state, standby)?.replica.connection === 'WFConnection'
    const isTarget = (state: PairState) => nodeOf(state, standby)?.replica.disk === 'Inconsistent'
    const file = `'${path}/.tandem-drill-bulk'`
    context.undo('the bulk is gone', () => must(context.machine(active), `rm -f ${file}`))
    context.undo(`${standby} may be resynced`, () =>
      // Where nothing was paused there is nothing to resume, which is no failure.
      must(node, `drbdadm resume-sync ${drbd.resource} || :`),
    )
    await cut(context, 'em3 is cut', ['em3'])
    await context.until(`${standby} is apart`, moveLimitMs(context), isApart)
    // A resync that is held is one that cannot end before everything has been tried.
    await must(node, `drbdadm pause-sync ${drbd.resource}`)
    await must(
      context.machine(active),
      `dd if=/dev/urandom of=${file} bs=1M count=16 conv=fsync status=none`,
      { timeoutMs: 120_000 },
    )
    await environment.heal('em3')
    await context.until(`${standby} is inconsistent`, moveLimitMs(context), isTarget)
    const { code } = await context.play(['switchover'])
    if (!isTarget(await environment.look())) {
      return context.wrong('the resync ended before the switchover was tried; nothing is proved')
    }
    if (code !== 4) context.wrong(`switchover ended with exit code ${code}, expected 4: refused`)
    await environment.cut('em3')
    await context.until('the resync is cut off', moveLimitMs(context), isApart)
    await promotionIsRefused(context)
  },
}
