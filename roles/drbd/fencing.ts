import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import { directory, role, service, systemdUnit, templates } from '../../lib/index.ts'
import { managerWords } from '../cluster/index.ts'
import { isFenced } from '../fencing/switch.ts'
import { libFolder } from '../shared/paths.ts'

const template = templates(import.meta.dirname)

/** What heartbeat starts in place of its dopd, and where that finds the one program it may call. */
export const dopd = `${libFolder}/dopd`
export const dopdFolder = `${libFolder}/dopd.d`
/** Where that program has this node's disk marked Outdated; heartbeat's group alone may connect. */
const socket = '/run/tandem-outdate'
const outdate = `${libFolder}/outdate`
const socketUnit = 'tandem-outdate.socket'

/** How often DRBD asks whether its peer is there, and how long it waits for the answer; in seconds. */
export const ping = { interval: 2, timeout: 2 } as const
/**
 * When a peer must have noticed a lost line too, in seconds. DRBD asks only where nothing came for an interval, and what came
 * on its data socket in that time gives it another one (drbd_ack_receiver): a standby notices that much later than a server.
 */
const noticed = 2 * ping.interval + ping.timeout
/** How long dopd is asked before the peer's power switch is, in seconds. */
const patience = 4

/** Where DRBD's question to the peer is kept. */
export const fencePeer = `${libFolder}/fence-peer`

/** A node whose replication line is lost marks its peer's disk Outdated, over heartbeat's lines. */
export default role('drbd/fencing', (context: NodeContext) => {
  const { vars } = context
  return [
    directory(libFolder, { mode: 0o755 }),
    template(
      'fence-peer',
      fencePeer,
      {
        ...managerWords(peerOf(context).vars.fqdn),
        switch: isFenced(context),
        patience,
        // A peer that lost its power counts as dead after deadtime; some more until that is told.
        wait: vars.heartbeat.deadtime + 2 * vars.heartbeat.keepalive + noticed,
        notice: noticed,
      },
      { mode: 0o755 },
    ),
    directory(dopdFolder, { mode: 0o755 }),
    template('outdate', outdate, vars.drbd, { mode: 0o755 }),
    systemdUnit('tandem-outdate@.service', template.text('tandem-outdate@.service', { outdate })),
    systemdUnit(socketUnit, template.text(socketUnit, { socket })),
    service(socketUnit, { state: 'running', enabled: true }),
    template('drbdadm', `${dopdFolder}/drbdadm`, { ...vars.drbd, socket }, { mode: 0o755 }),
    template('dopd', dopd, { folder: dopdFolder }, { mode: 0o755 }),
  ]
})
