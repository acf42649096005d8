import { type CheckHost, change, Refusal, type Task, task } from '../../lib/index.ts'
import { type Marker, markerText } from '../shared/marker.ts'
import type { Volume } from '../shared/volumes.ts'
import { isStillBlank, wasRead } from './blank.ts'
import { type DiskState, diskState } from './disk.ts'
import { guardLost, guardSize, judge, peerState, sizeText, standing } from './guard.ts'

/** DRBD's own metadata at the end of a blank disk; never on one that carries anything. */
export function metadata(volume: Volume, peer: string, confirmed: boolean): Task {
  const place = { ...volume, peer }
  return task(`metadata on ${volume.disk}`, {
    // The peer's disk is looked at too, so both must have come this far.
    barrier: true,
    check: async (host) => {
      const { state, is } = await standing(host, place)
      if (is === 'own') return
      const other = await peerState(host, place)
      guardSize(state, other, { ...place, host: host.name })
      return change(`no metadata yet${smaller(state, other, peer)}`)
    },
    destroys: {
      what: volume.disk,
      proof: async (host) => {
        const [here, there] = await Promise.all([standing(host, place), peerState(host, place)])
        const names = { ...place, host: host.name }
        if (here.is !== 'blank') {
          throw new Refusal(`${host.name}: ${volume.disk} is not blank any more`)
        }
        if (confirmed && here.remembered) await guardLost(host, place, here.state)
        if (
          !confirmed &&
          !(wasRead(here.state) && (await isStillBlank(host, volume.disk, here.state.size)))
        ) {
          throw new Refusal(
            `${host.name}: ${volume.disk} was written to since it was read to its end: expected a disk that nothing uses`,
          )
        }
        guardSize(here.state, there, names)
        await judge(there, { ...names, host: peer, peer: host.name }, async () => here.state)
      },
    },
    apply: async (host) => {
      // First the note that this disk is ours: a run that dies in between must not meet its own
      // metadata as a stranger's. A blank disk with the note on it is still only a blank disk.
      await host.sh`mkdir -p -m 0755 /var/lib/tandem`
      const made = confirmed ? 'confirmed' : 'read'
      await host.write(
        volume.marker,
        noteOf(volume.disk, await diskState(host, volume.disk, false, volume.marker), { made }),
        {
          mode: 0o644,
        },
      )
      // Without drbdadm, and before its configuration names the disk: a node that boots in between brings up what is
      // configured, or nothing. Never --force unasked: where drbdmeta itself sees data it asks, gets no answer, and stops.
      const force = confirmed ? ['--force'] : []
      await host.sh`drbdmeta ${force} ${volume.minor} v08 ${volume.disk} internal create-md </dev/null`
    },
  })
}

/** Says that two disks differ in size, and that the pair gets the smaller one; empty where they do not. */
function smaller(here: DiskState, there: DiskState, peer: string): string {
  if (here.size === there.size) return ''
  return `; the disks differ (${sizeText(here.size)} here, ${sizeText(there.size)} on ${peer}): the pair gets the smaller size`
}

/** The note names the disk itself: another one may get the same path. */
const noteOf = (disk: string, { identity, size }: DiskState, rest: Rest): string =>
  markerText({ disk, identity, size, ...rest })

/** What a note says of a disk besides its name and size. */
type Rest = Pick<Marker, 'made' | 'filesystem'>

/** What the host's note says of this disk's metadata and filesystem; nothing where the note is of another disk. */
const restOf = ({ marker }: DiskState, disk: string): Rest =>
  marker?.disk === disk ? { made: marker.made, filesystem: marker.filesystem } : {}

/** The host remembers its disk by its own name and size; a disk adopted or made by an older Tandem too. */
export function noted(volume: Volume, peer: string): Task {
  const look = (host: CheckHost) => diskState(host, volume.disk, false, volume.marker)
  return task(`${volume.marker} names the disk`, {
    barrier: true,
    check: async (host) => {
      const { state, is, ...rest } = await standing(host, { ...volume, peer })
      // Until DRBD's metadata has moved to the new end, the old size says where it is.
      if (is !== 'own' || !state.signatures.includes('drbd')) return
      const wanted = noteOf(volume.disk, state, restOf(state, volume.disk))
      if (state.marker && markerText(state.marker) === wanted) return
      return change('why' in rest ? `${volume.disk} ${rest.why}` : `names ${volume.disk}`)
    },
    apply: async (host) => {
      await host.sh`mkdir -p -m 0755 /var/lib/tandem`
      const state = await look(host)
      await host.write(volume.marker, noteOf(volume.disk, state, restOf(state, volume.disk)), {
        mode: 0o644,
      })
    },
  })
}

/** The host remembers which filesystem is on its disk: should that show none one day, no new one is made over its data. */
export function filesystemNoted(volume: Volume): Task {
  const look = (host: CheckHost) => diskState(host, volume.disk, false, volume.marker)
  return task(`${volume.marker} names the filesystem`, {
    barrier: true,
    check: async (host) => {
      const { content, marker } = await look(host)
      if (content === undefined || marker?.disk !== volume.disk) return
      return marker.filesystem === content ? undefined : change(`names ${content}`)
    },
    apply: async (host) => {
      const { content, marker } = await look(host)
      if (!marker) throw new Error(`${host.name}: ${volume.marker} is gone`)
      await host.write(volume.marker, markerText({ ...marker, filesystem: content }), {
        mode: 0o644,
      })
    },
  })
}
