import type { Mark, Part } from '../../../lib/drill/index.ts'
import type { MarkEvent } from './marks.ts'
import { type NodeState, nodeOf, type PairState } from './state.ts'

const part = (
  title: string,
  has: (node: NodeState) => boolean,
  on: MarkEvent,
  off: MarkEvent,
): Part<PairState> => ({
  title,
  on,
  off,
  has: (state, name) => {
    const node = nodeOf(state, name)
    return node?.reached === true && has(node)
  },
})

/** What has a lane of its own in a timeline, on each node. */
export const parts: readonly Part<PairState>[] = [
  part('DRBD Primary', ({ replica }) => replica.role === 'Primary', 'promoted', 'demoted'),
  part('nfsd', ({ threads }) => threads > 0, 'nfsd-up', 'nfsd-down'),
  part('VIP', ({ vip }) => vip, 'vip-up', 'vip-down'),
]

/** What a timeline names besides: grace, and fencing. */
export const noteOf = ({ node, event }: Mark): string | undefined =>
  /^(grace|fence)-/.test(event) ? `${node} ${event.replace('-', ' ')}` : undefined
