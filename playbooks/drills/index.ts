import { defineDrills } from '../../lib/drill/index.ts'
import { controls } from './controls/index.ts'
import { nfsd, nfsdcld } from './daemons.ts'
import { lossEm1, lossEm3 } from './deaf.ts'
import { diskError, diskHang, duringResync, full } from './disk.ts'
import { freezeActive, freezeActiveLong, freezeActiveShort, freezeStandby } from './frozen.ts'
import { heartbeatKilled, heartbeatStopped } from './heartbeat.ts'
import { allLinesActive, allLinesStandby, isolatedActive, isolatedStandby } from './isolated.ts'
import { em1, em2, em3, gateway, split } from './lines.ts'
import { planOf } from './pair/plan.ts'
import type { PairPlan, PairState } from './pair/state.ts'
import { pairSystem } from './pair/system.ts'
import type { Drill } from './pair/words.ts'
import { failback, heartbeatStop, lock, powerOff, standby, standbyReboot } from './planned.ts'
import { bothOffActiveFirst, bothOffStandbyFirst, panic, standbyOff, takerOff } from './power.ts'
import { nodeAndSwitch, switchUnreachable } from './switch.ts'

/** All drills of a pair, in the order they are run: what breaks least comes first. */
export const drills: readonly Drill[] = [
  standby,
  heartbeatStop,
  failback,
  lock,
  nfsd,
  nfsdcld,
  gateway,
  em1,
  em2,
  em3,
  lossEm3,
  lossEm1,
  full,
  diskError,
  standbyReboot,
  standbyOff,
  freezeStandby,
  duringResync,
  powerOff,
  panic,
  heartbeatStopped,
  heartbeatKilled,
  diskHang,
  freezeActiveShort,
  freezeActive,
  freezeActiveLong,
  split,
  isolatedStandby,
  isolatedActive,
  allLinesStandby,
  allLinesActive,
  takerOff,
  switchUnreachable,
  nodeAndSwitch,
  bothOffActiveFirst,
  bothOffStandbyFirst,
]

export default defineDrills<PairPlan, PairState>({
  drills,
  controls,
  plan: planOf,
  system: pairSystem,
})
