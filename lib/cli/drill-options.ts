import type { Option } from './options.ts'

/** The options of `npm run play drill`. */
export const drillOptions = {
  only: { kind: 'words', value: 'DRILLS', about: 'only these drills: power-off,em1' },
  rounds: { kind: 'count', value: 'N', about: 'how often each is done (default 1)' },
  active: {
    kind: 'text',
    value: 'NODE',
    about: 'the node that serves when a round begins, or either: by chance (default either)',
  },
  'skip-compare': {
    kind: 'flag',
    about: 'do not compare both disks block by block in the end, which reads them whole',
  },
  yes: { kind: 'flag', about: 'do not ask; never enough for a production inventory' },
  confirm: {
    kind: 'text',
    value: 'NAME',
    about: 'the name of the inventory, which production wants in place of --yes',
  },
  json: {
    kind: 'text',
    value: 'FILE',
    about: 'write a row a drill, and FILE.rounds.json; adds to the rounds that are there',
  },
  html: { kind: 'text', value: 'FILE', about: 'write a report with pictures' },
  list: { kind: 'flag', about: 'name the drills; no connection' },
  control: {
    kind: 'flag',
    about: 'break the pair on purpose (lab only), some ways: the checker must catch each',
  },
  inventory: { kind: 'text', value: 'NAME', about: 'the inventory to drill (default lab)' },
  install: { kind: 'flag', about: 'let the lab install the programs it misses' },
  help: { kind: 'flag', about: 'this text' },
} as const satisfies Record<string, Option>
