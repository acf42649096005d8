import type { Drill } from '../drill.ts'
import { nfsd, nfsdcld } from './daemons.ts'
import { diskError, duringResync, full } from './disk.ts'
import { freezeActive, freezeActiveLong, freezeActiveShort, freezeStandby } from './frozen.ts'
import { allLinesActive, allLinesStandby, isolatedActive, isolatedStandby } from './isolated.ts'
import { em1, em2, em3, gateway, split } from './lines.ts'
import { failback, heartbeatStop, lock, powerOff, standby, standbyReboot } from './planned.ts'

/** All drills, in the order they are run: what breaks least comes first. */
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
  full,
  diskError,
  standbyReboot,
  freezeStandby,
  duringResync,
  powerOff,
  freezeActiveShort,
  freezeActive,
  split,
  isolatedStandby,
  isolatedActive,
  allLinesStandby,
  allLinesActive,
  freezeActiveLong,
]
