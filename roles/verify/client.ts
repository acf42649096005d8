import { randomBytes } from 'node:crypto'
import type { ClientContext } from '../../inventory/schema.ts'
import { requirement, role } from '../../lib/index.ts'
import nfsClient from '../nfs/client.ts'
import { verified } from './config.ts'

/** S12: a client mounts the floating address, writes, has it on disk, and reads it back. */
export default role('verify/client', (context: ClientContext) => {
  const { client, vip } = context.vars
  return [
    ...nfsClient.tasks(context).map((task) => verified(task, nfsClient.name)),
    requirement('a file written through the address reads back the same', async (host) => {
      // A probe, not a change: the file is this run's own and is gone afterwards.
      const name = `${client.mountPoint}/.tandem-verify-${randomBytes(6).toString('hex')}`
      const content = randomBytes(24).toString('hex')
      const { stdout, stderr, exitCode } = await host.$`
        printf %s ${content} | timeout 60 dd of=${name} conv=fsync status=none || exit 1
        timeout 30 dd if=${name} iflag=direct,fullblock bs=4096 status=none
        rm -f ${name}`.nothrow()
      if (exitCode === 0 && stdout === content) return
      throw new Error(
        `${host.name}: expected to read back through ${vip.address} what it wrote, got ${stdout === '' ? 'nothing' : 'something else'}${stderr ? `: ${stderr.trim()}` : ''}`,
      )
    }),
  ]
})
