import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, rmSync, writeFileSync } from 'node:fs'
import { dirname, join, resolve } from 'node:path'
import { UsageError } from '../lib/core/errors.ts'
import type { Command } from './measure.ts'
import { addressOf, nodeOf, numbers, type Places } from './places.ts'
import type { Run } from './rows.ts'

/** Where a contender runs: the hosts, and the port they are reached at. */
export interface Ground {
  readonly hosts: number
  readonly port: number
  /** Inventory files: Tandem's and Ansible's. */
  readonly ours: string
  readonly theirs: string
}

/** One way to do the work. */
export interface Contender {
  readonly name: string
  /** Does nothing on the hosts, so there is no end state to compare. */
  readonly idle?: boolean
  /** Runs only where --contenders names it. */
  readonly byName?: boolean
  command(run: Run, ground: Ground): Command
}

const root = resolve(import.meta.dirname, '..')
const system = '/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin'

/** Tandem, the shell script and `ssh true`. */
export function ownContenders(at: Places, env: NodeJS.ProcessEnv): Contender[] {
  const base = baseEnv(env)
  const tandem = (ours: string) => ({
    argv: [
      ...[process.execPath, join(root, 'lib/launch/start.cjs')],
      ...['play', 'site', '--inventory', 'bench'],
    ],
    cwd: join(import.meta.dirname, 'tandem'),
    env: { ...base, TANDEM_BENCH_HOSTS: ours },
  })
  return [
    { name: 'tandem', command: (_run, { ours }) => tandem(ours) },
    { name: 'tandem-npm', byName: true, command: (_run, { ours }) => byNpm(at, tandem(ours)) },
    {
      name: 'shell',
      command: (run, ground) => overSsh(at, ground, base, run === 'first' ? 'apply' : 'check'),
    },
    { name: 'ssh-true', idle: true, command: (_run, ground) => overSsh(at, ground, base) },
  ]
}

/** The same command as the script `play` of a package of its own: `tandem/` has none. */
function byNpm(at: Places, { argv, cwd, env }: Command): Command {
  const folder = join(at.folder, 'npm')
  const words = argv.indexOf('play') + 1
  const play = [cwd, ...argv.slice(0, words)].map((word) => `'${word}'`)
  mkdirSync(folder, { recursive: true })
  const scripts = { play: `cd ${play[0]} && ${play.slice(1).join(' ')}` }
  writeFileSync(join(folder, 'package.json'), JSON.stringify({ private: true, scripts }))
  return {
    argv: ['npm', 'run', '--silent', 'play', '--', ...argv.slice(words)],
    cwd: folder,
    // Once a week npm asks the registry for a newer npm.
    env: { ...env, npm_config_update_notifier: 'false' },
  }
}

function baseEnv(env: NodeJS.ProcessEnv): Record<string, string> {
  return {
    PATH: system,
    HOME: env.HOME || '/root',
    LANG: 'C.UTF-8',
    ...(env.TMPDIR && { TMPDIR: env.TMPDIR }),
  }
}

/** One OpenSSH client a host, all at once: the script in that mode, or just `true`. */
export function overSsh(
  at: Places,
  { hosts, port }: Pick<Ground, 'hosts' | 'port'>,
  env: Readonly<Record<string, string>>,
  mode?: 'apply' | 'check',
): Command {
  const calls = numbers(hosts).map((host) => {
    const ssh = `ssh -F "$1" -p ${port} ${addressOf(host)}`
    const words = mode ? `"sh -s ${mode} ${nodeOf(host)}" <"$2"` : 'true </dev/null'
    return `${ssh} ${words} & pids="$pids $!"`
  })
  const wait = 'code=0; for pid in $pids; do wait $pid || code=1; done; exit $code'
  const script = join(import.meta.dirname, 'shell.sh')
  return {
    argv: ['sh', '-c', ['pids=', ...calls, wait].join('\n'), 'sh', at.sshConfig, script],
    cwd: root,
    env,
  }
}

/** Ansible's settings, each a contender. */
const settings: Readonly<Record<string, string>> = {
  plain: '[defaults]\n',
  tuned: `[defaults]
forks = 50
strategy = free
interpreter_python = /usr/bin/python3
[connection]
pipelining = True
[ssh_connection]
ssh_args = -o ControlMaster=auto -o ControlPersist=600s -o Compression=no
`,
  ...Object.fromEntries(
    [
      ['mitogen', 'mitogen_linear'],
      ['mitogen-free', 'mitogen_free'],
    ].map(([name, strategy]) => [
      name,
      `[defaults]
forks = 50
strategy = ${strategy}
interpreter_python = /usr/bin/python3
[ssh_connection]
ssh_args = -o Compression=no
`,
    ]),
  ),
}

/** Ansible in its four configurations, on the playbook in `folder`. */
export function peers(folder: string, at: Places, env: NodeJS.ProcessEnv): Contender[] {
  const site = ['site.yml', 'playbook/site.yml'].map((file) => resolve(folder, file))
  const playbook = site.find((file) => existsSync(file))
  if (!playbook) throw new UsageError(`Expected ${site.join(' or ')} for --peers, got neither`)
  const found = spawnSync('ansible-playbook', ['--version'], { env: { PATH: system } })
  if (found.status !== 0) {
    throw new UsageError(
      'The peers need Ansible; run: apt-get install -y --no-install-recommends ansible-core ansible-mitogen',
    )
  }
  const configs = join(at.folder, 'ansible')
  const sockets = join(at.folder, 'cp')
  mkdirSync(configs, { recursive: true })
  return Object.entries(settings).map(([name, text]) => {
    const config = join(configs, `${name}.cfg`)
    writeFileSync(config, text)
    return {
      name,
      command: (_run, { theirs }) => {
        // Every run opens its connections anew.
        rmSync(sockets, { recursive: true, force: true })
        return {
          argv: [
            ...['ansible-playbook', '-i', theirs],
            ...(name === 'plain' ? [] : ['-e', 'facts=false']),
            playbook,
          ],
          cwd: dirname(playbook),
          env: {
            ...baseEnv(env),
            ANSIBLE_CONFIG: config,
            ANSIBLE_SSH_CONTROL_PATH_DIR: sockets,
          },
        }
      },
    }
  })
}
