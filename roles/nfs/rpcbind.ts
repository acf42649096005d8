import { service, systemdUnit, type Task, templates, unitPath } from '../../lib/index.ts'
import { unlessLegacyMounts } from './own-mounts.ts'

const template = templates(import.meta.dirname)
const distributionUnits = ['rpcbind.socket', 'rpcbind.service']
/** The socket first: the service takes it over. */
const ownUnits = ['tandem-rpcbind.socket', 'tandem-rpcbind.service']

/**
 * The port mapper. Clients of NFS 4 ask nobody for a port, and what does not listen cannot be attacked; but nfsd registers
 * and unregisters itself all the same, and waits where nobody answers: so it has one that only this node reaches. Clients
 * of NFS 3 need the distribution's, and so does a node that mounts by NFS 3 itself.
 */
export function rpcbind(legacyClients: boolean): Task[] {
  if (legacyClients) {
    return [
      ...ownUnits.map((unit) => ifThere(unit, service(unit, { state: 'stopped', enabled: false }))),
      ...distributionUnits.map((unit) => service(unit, { masked: false })),
      service('rpcbind.service', { state: 'running', enabled: true }),
    ]
  }
  const files = ownUnits.map((unit) => unitPath(unit))
  return [
    ...distributionUnits.map((unit) => service(unit, { masked: true })),
    ...ownUnits.map((unit) => systemdUnit(unit, template.text(unit, {}))),
    ...ownUnits.map((unit) => service(unit, { state: 'running', enabled: true, restartOn: files })),
  ].map(unlessLegacyMounts)
}

/** Leaves a task alone where its unit was never written: such a pair has always served NFS 3. */
const ifThere = (unit: string, made: Task): Task => ({
  ...made,
  check: async (host) => {
    const { exitCode } = await host.$`test -e ${unitPath(unit)}`.nothrow()
    return exitCode === 0 ? made.check(host) : undefined
  },
})
