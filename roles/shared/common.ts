import type { Site } from '../../inventory/schema.ts'
import { type Task, templates } from '../../lib/index.ts'
import { libFolder } from './paths.ts'
import { stateIn } from './volumes.ts'

const template = templates(import.meta.dirname)

/** What all of Tandem's scripts on a node share. */
export const common = ({ drbd, nfs, vip }: Site): Task =>
  template('common', `${libFolder}/common`, {
    path: nfs.path,
    device: `/dev/drbd${drbd.minor}`,
    minor: drbd.minor,
    stateFolder: stateIn({ drbd, nfs }),
    legacyClients: nfs.legacyClients,
    vip,
  })
