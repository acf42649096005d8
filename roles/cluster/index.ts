import type { CheckHost } from '../../lib/index.ts'
import { heartbeat } from '../heartbeat/manager.ts'
import type { ClusterManager, Holding } from './manager.ts'

export type { Holding } from './manager.ts'

/** The manager of every pair; the place to choose when there is a second one. */
export const manager: ClusterManager = heartbeat

/** Asks the manager what a node holds. */
export const holding = (host: CheckHost): Promise<Holding> => manager.holding(host)

/** Asks the manager whether a node serves. */
export async function serves(host: CheckHost, preferred: string): Promise<boolean> {
  return manager.isActive(await manager.holding(host), host.name, preferred)
}

export const { isActive, isSettled } = manager

/** The manager's commands under the names that templates have for them; `peer` is the other node's name. */
export const managerWords = (peer: string) => ({
  held: manager.commands.held,
  peerStatus: manager.commands.peer(peer),
  standBy: manager.commands.standBy,
  takeOver: manager.commands.takeOver,
})
