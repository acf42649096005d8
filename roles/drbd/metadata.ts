import type { Site } from '../../inventory/schema.ts'
import { change, Refusal, type Task, task } from '../../lib/index.ts'
import { diskState, guardDisk, isBlank, markerPath } from './disk.ts'

type Drbd = Site['drbd']

/** DRBD's own metadata at the end of a blank disk; never on one that carries anything. */
export function metadata(drbd: Drbd, peerName: string): Task {
  return task(`metadata on ${drbd.disk}`, {
    // The peer's disk is looked at too, so both must have come this far.
    barrier: true,
    check: async (host) => {
      const state = await diskState(host, drbd.disk)
      guardDisk(state, host.name, drbd.disk)
      return isBlank(state) ? change('no metadata yet') : undefined
    },
    destroys: {
      what: drbd.disk,
      proof: async (host) => {
        const [here, there] = await Promise.all([
          diskState(host, drbd.disk),
          diskState(host.peer(peerName), drbd.disk),
        ])
        if (!isBlank(here)) throw new Refusal(`${host.name}: ${drbd.disk} is not blank any more`)
        guardDisk(there, peerName, drbd.disk)
      },
    },
    apply: async ({ sh, write }) => {
      // First the note that this disk is ours: a run that dies in between must not meet its own
      // metadata as a stranger's. A blank disk with the note on it is still only a blank disk.
      await sh`mkdir -p -m 0755 /var/lib/tandem`
      await write(markerPath, `${drbd.disk}\n`, { mode: 0o644 })
      // Never --force: where drbdadm itself sees data it asks, gets no answer, and stops.
      await sh`drbdadm create-md ${drbd.resource} </dev/null`
    },
  })
}
