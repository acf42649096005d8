import type { Parameter } from '../../lib/index.ts'

/** The node that is given up, of two that differ. */
export const victim: Parameter = {
  kind: 'host',
  required: true,
  about:
    'the node whose changes or blocks are given up (npm run play verify tells which node serves)',
}
