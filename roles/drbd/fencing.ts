import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import { change, directory, role, type Task, task, templates } from '../../lib/index.ts'
import { libFolder } from '../base/folder.ts'
import { isFenced } from '../fencing/switch.ts'

const template = templates(import.meta.dirname)

/** What a peer that lost sight of this node runs to mark our disk Outdated; heartbeat's dopd calls it. */
const helper = '/lib/drbd/drbdsetup-84'
/** Its owner, group and mode: only heartbeat's group may run it as root. */
export const helperMode = 'root haclient 4750'

/** How often DRBD asks whether its peer is there, and how long it waits for the answer; in seconds. */
export const ping = { interval: 3, timeout: 2 } as const
/** When a peer must have noticed a lost line too, in seconds. */
const noticed = ping.interval + ping.timeout
/** How long dopd is asked before the peer's power switch is, in seconds. */
const patience = 4

/** Where DRBD's question to the peer is kept. */
export const fencePeer = `${libFolder}/fence-peer`

/** A node whose replication line is lost marks its peer's disk Outdated, over heartbeat's lines. */
export default role('drbd/fencing', (context: NodeContext) => {
  const { vars } = context
  if (vars.recipe === 'article') return []
  return [
    directory(libFolder, { mode: 0o755 }),
    template(
      'fence-peer',
      fencePeer,
      {
        peer: peerOf(context).vars.fqdn,
        switch: isFenced(context),
        patience,
        // A peer that lost its power counts as dead after deadtime; some more until that is told.
        wait: vars.heartbeat.deadtime + 2 * vars.heartbeat.keepalive + noticed,
        notice: noticed,
      },
      { mode: 0o755 },
    ),
    helperTask(),
  ]
})

/** Heartbeat's own user may run the one program that marks a disk; dpkg keeps it so over upgrades. */
function helperTask(): Task {
  return task(`heartbeat may run ${helper}`, {
    check: async ({ $ }) => {
      const [kept, there] = await Promise.all([
        $`dpkg-statoverride --list ${helper}`.nothrow(),
        $`stat -c '%U %G %a' ${helper}`.nothrow(),
      ])
      const wrong = [
        ...(kept.stdout.trim() === `${helperMode} ${helper}`
          ? []
          : ['dpkg does not keep its mode']),
        ...(there.stdout.trim() === helperMode ? [] : [`is ${there.stdout.trim() || 'not there'}`]),
      ]
      return wrong.length > 0 ? change(wrong.join(', ')) : undefined
    },
    apply: async ({ sh }) => {
      await sh`dpkg-statoverride --force-all --update --add ${helperMode.split(' ')} ${helper}`
    },
  })
}
