import type { Option } from '../common/option-table.ts'

/** The options of `npm run play drill`. */
export const drillOptions = {
  only: { kind: 'words', value: 'DRILLS', about: 'only these drills: power-off,em1' },
  rounds: { kind: 'count', value: 'N', about: 'how often each is done (default 1)' },
  active: {
    kind: 'text',
    value: 'NODE',
    about: 'the node that serves when a round begins, or `either`: one at random (default)',
  },
  'skip-compare': {
    kind: 'flag',
    about: 'skip the comparison of both disks at the end, which reads all of them',
  },
  yes: { kind: 'flag', about: 'do not ask; never enough for a production inventory' },
  confirm: {
    kind: 'text',
    value: 'NAME',
    about: 'the name of the inventory: a production inventory wants this instead of --yes',
  },
  json: {
    kind: 'text',
    value: 'FILE',
    about:
      'write one row for each drill, and every round to FILE.rounds.json; keeps the rounds of this commit that FILE has',
  },
  html: { kind: 'text', value: 'FILE', about: 'write a report with pictures' },
  list: { kind: 'flag', about: 'list the drills, without a connection' },
  control: {
    kind: 'flag',
    about: 'break the pair so that it loses writes (lab only): the checker must notice each time',
  },
  inventory: {
    kind: 'text',
    short: 'i',
    value: 'NAME',
    about: 'the inventory to drill (default lab)',
  },
  install: { kind: 'flag', about: 'install the Debian packages that the lab lacks' },
  help: { kind: 'flag', short: 'h', about: 'this text' },
} as const satisfies Record<string, Option>
