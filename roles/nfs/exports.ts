import type { NodeContext } from '../../inventory/schema.ts'
import { block, kernelModule, line, packages, role, service, templates } from '../../lib/index.ts'
import { literal } from '../shared/literal.ts'
import { stateIn } from '../shared/volumes.ts'
import { pipefs, ports } from './ports.ts'
import { rpcbind } from './rpcbind.ts'
import { unwritten } from './unwritten.ts'

const template = templates(import.meta.dirname)

/** Units that would run the server outside heartbeat, on the standby too. */
export const distributionUnits = ['nfs-server.service', 'nfs-mountd.service', 'nfsdcld.service']

/** The head of the file that an older Tandem wrote whole. */
const oldHead = '# Written by Tandem (nfs/exports); the same on both nodes.'

/** S12: what is exported, and how. Heartbeat decides which node runs the server, so the package's units are masked. */
export default role('nfs/exports', ({ vars: { nfs, drbd } }: NodeContext) => [
  // Masked first: the package starts its units as it is installed.
  ...distributionUnits.map((unit) => service(unit, { masked: true })),
  // The server brings the other two along; they are named because their units are ours to start or to mask.
  packages(['nfs-kernel-server', 'nfs-common', 'rpcbind']),
  ...rpcbind(nfs.legacyClients),
  // Other lines of that file are others'. Ours comes before an older one of ours goes: whatever ends a run in between,
  // the share is exported by whoever takes over.
  block('/etc/exports', {
    name: 'tandem',
    create: { mode: 0o644 },
    // One fsid on both nodes keeps file handles valid over a move; `mountpoint` never exports the
    // empty directory below an unmounted filesystem.
    lines: [`${nfs.path}\t${nfs.clients}(${[...nfs.options, 'fsid=1', 'mountpoint'].join(',')})`],
  }),
  // Between path and clients of ours is a tab: a line for the same path with a blank is that of an older Tandem, or
  // says something else of the share.
  line('/etc/exports', { line: oldHead, absent: true }),
  line('/etc/exports', {
    title: `no other line for ${nfs.path} in /etc/exports`,
    line: `${nfs.path} `,
    match: new RegExp(`^${literal(nfs.path)} `),
    absent: true,
  }),
  // At boot, and not while clients wait for the first take-over.
  kernelModule('nfsd', { atBoot: true }),
  ...unwritten(nfs.dirtyLimit),
  template('nfs.conf', '/etc/nfs.conf.d/tandem.conf', {
    ...nfs,
    ports,
    pipefs,
    stateFolder: stateIn({ drbd, nfs }),
  }),
])
