import { must } from '../../lib/drill/index.ts'
import { cut, promotionIsRefused } from './lines.ts'
import { nodeOf, type PairState } from './pair/state.ts'
import type { Drill } from './pair/words.ts'
import { moveLimitMs } from './planned.ts'

export const diskError: Drill = {
  name: 'disk-error',
  about: 'lets every access to the disk of the active node fail; it goes on through the peer',
  needs: ['disk'],
  moves: false,
  run: async (stage) => {
    const { active, ground } = stage
    const { drbd } = ground.plan
    const node = stage.machine(active)
    const device = `'${drbd.disk}'`
    const table = (await must(node, `dmsetup table ${device}`)).trim()
    const sectors = table.split('\n').reduce((sum, line) => sum + Number(line.split(' ')[1]), 0)
    if (!(sectors > 0)) throw new Error(`${active}: cannot read the table of ${drbd.disk}`)
    // `--noflush` and `--nolockfs`: what is under way meets the errors too.
    const swap = `dmsetup load ${device} && dmsetup suspend --noflush --nolockfs ${device} && dmsetup resume ${device}`
    stage.undo(`the disk of ${active} is good again, and attached`, async () => {
      await must(node, swap, { stdin: `${table}\n` })
      await must(node, `drbdadm attach ${drbd.resource}`, { timeoutMs: 120_000 })
    })
    await stage.fault(`the disk of ${active} fails`, () =>
      must(node, swap, { stdin: `0 ${sectors} error\n` }),
    )
    await stage.until(
      `${active} has detached its disk`,
      moveLimitMs(stage),
      (state) => nodeOf(state, active)?.replica.disk === 'Diskless',
    )
    await stage.keepsServing(active, 15_000)
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
  run: async (stage) => {
    const { active, ground } = stage
    const file = `${ground.plan.path}/.tandem-drill-full`
    const node = stage.machine(active)
    stage.undo('the space is free again', () =>
      must(node, `rm -f '${file}' && sync -f '${ground.plan.path}'`),
    )
    await stage.fault('the filesystem is filled', () =>
      must(node, fill(file), { timeoutMs: 120_000 }),
    )
    await stage.keepsServing(active, (ground.plan.heartbeat.deadtime + 10) * 1_000)
  },
}

export const duringResync: Drill = {
  name: 'during-resync',
  about: 'tries to move the service while the other disk is not whole; it must be refused',
  needs: ['cables', 'spare'],
  moves: false,
  run: async (stage) => {
    const { active, standby, ground } = stage
    const { drbd, path } = ground.plan
    const node = stage.machine(standby)
    const isApart = (state: PairState) =>
      nodeOf(state, standby)?.replica.connection === 'WFConnection'
    const isTarget = (state: PairState) => nodeOf(state, standby)?.replica.disk === 'Inconsistent'
    const file = `'${path}/.tandem-drill-bulk'`
    stage.undo('the bulk is gone', () => must(stage.machine(active), `rm -f ${file}`))
    stage.undo(`${standby} may be resynced`, () =>
      // Where nothing was paused there is nothing to resume, which is no failure.
      must(node, `drbdadm resume-sync ${drbd.resource} || :`),
    )
    await cut(stage, 'em3 is cut', ['em3'])
    await stage.until(`${standby} is apart`, moveLimitMs(stage), isApart)
    // A resync that is held is one that cannot end before everything has been tried.
    await must(node, `drbdadm pause-sync ${drbd.resource}`)
    await must(
      stage.machine(active),
      `dd if=/dev/urandom of=${file} bs=1M count=16 conv=fsync status=none`,
      { timeoutMs: 120_000 },
    )
    await ground.heal('em3')
    await stage.until(`${standby} is inconsistent`, moveLimitMs(stage), isTarget)
    const { code } = await stage.play(['switchover'])
    if (!isTarget(await ground.look())) {
      return stage.wrong('the resync ended before the switchover was tried; nothing is proved')
    }
    if (code !== 4) stage.wrong(`switchover ended with exit code ${code}, expected 4: refused`)
    await ground.cut('em3')
    await stage.until('the resync is cut off', moveLimitMs(stage), isApart)
    await promotionIsRefused(stage)
  },
}
