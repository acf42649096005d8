/** What an option of the command line takes. */
export interface Option {
  /** `flag` takes nothing; `words` may be given several times or with commas. */
  readonly kind: 'flag' | 'words' | 'text' | 'count' | 'choice'
  readonly about: string
  /** One letter, as Ansible has it: `-C`. npm takes it for itself, ./tandem does not. */
  readonly short?: string
  /** What its value is called in the help. */
  readonly value?: string
  readonly choices?: readonly string[]
}

/** The options of `npm run play`. */
export const playOptions = {
  check: { kind: 'flag', short: 'C', about: 'change nothing; say what would change' },
  diff: { kind: 'flag', short: 'D', about: 'show how files differ' },
  limit: {
    kind: 'words',
    short: 'l',
    value: 'HOSTS',
    about: 'only these hosts and groups: HOST,GROUP,!HOST',
  },
  tags: { kind: 'words', short: 't', value: 'TAGS', about: 'only tasks with one of these tags' },
  'skip-tags': { kind: 'words', value: 'TAGS', about: 'all tasks but those with these tags' },
  'start-at': { kind: 'text', value: 'TITLE', about: 'begin at the task with this title' },
  'list-tasks': { kind: 'flag', about: 'list the tasks, without a connection' },
  'list-hosts': { kind: 'flag', about: 'list the hosts, without a connection' },
  'list-tags': { kind: 'flag', about: 'list the tags, without a connection' },
  forks: { kind: 'count', short: 'f', value: 'N', about: 'hosts worked on at once (default 50)' },
  verbose: { kind: 'flag', short: 'v', about: 'also name the tasks that had nothing to change' },
  profile: { kind: 'flag', about: 'say at the end where the time went, by host and task' },
  output: {
    kind: 'choice',
    value: 'KIND',
    choices: ['listr', 'plain', 'json'],
    about: 'a live tree, lines, or one JSON event a line',
  },
  confirm: {
    kind: 'text',
    value: 'NODE',
    about: 'confirm-off, start-without: the name of the node once more, as a confirmation',
  },
  inventory: {
    kind: 'text',
    short: 'i',
    value: 'NAME',
    about: 'the inventory to run on (default lab)',
  },
  user: { kind: 'text', short: 'u', value: 'USER', about: 'log in as USER on every host' },
  'ask-become-pass': { kind: 'flag', short: 'K', about: 'ask for the password of sudo or su' },
  install: { kind: 'flag', about: 'install the Debian packages that the lab lacks' },
  help: { kind: 'flag', short: 'h', about: 'this text' },
} as const satisfies Record<string, Option>

/** The options of `npm run lab`, whatever the verb. */
export const labOptions = {
  install: { kind: 'flag', about: 'install the Debian packages that the lab lacks' },
  image: { kind: 'flag', about: 'destroy the image too' },
  help: { kind: 'flag', short: 'h', about: 'this text' },
} as const satisfies Record<string, Option>

/** The options of `npm run secrets`. */
export const secretsOptions = {
  set: {
    kind: 'text',
    value: 'NAME',
    about: 'store a value that another device or person has given; you are asked for it',
  },
} as const satisfies Record<string, Option>
