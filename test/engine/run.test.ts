import { spawnSync } from 'node:child_process'
import { existsSync, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { type Event, type RunOptions, run } from '../../lib/engine/index.ts'
import {
  change,
  type Inventory,
  type Play,
  playbook,
  Refusal,
  role,
  type Task,
  task,
} from '../../lib/index.ts'
import { connect, openSession } from '../../lib/ssh/index.ts'
import { startServer, type TestServer } from '../ssh/server.ts'

let servers: Record<string, TestServer> = {}

beforeEach(async () => {
  servers = { M1: await startServer(), M2: await startServer() }
})
afterEach(async () => {
  for (const server of Object.values(servers)) await server.close()
})

function server(host: string): TestServer {
  const found = servers[host]
  if (!found) throw new Error(`no server for ${host}`)
  return found
}

const lockPath = (host: string) => join(server(host).root, 'lock')

function inventory(changes: Record<string, object> = {}): Inventory {
  const hosts = Object.fromEntries(
    Object.entries(servers).map(([name, { port, identityFile, knownHostsFile, options }]) => [
      name,
      {
        connection: {
          address: '127.0.0.1',
          port,
          user: String(options().user),
          identityFiles: [identityFile],
          knownHosts: [knownHostsFile],
          sshConfig: 'none',
          ...changes[name],
        },
        vars: { root: server(name).root },
      },
    ]),
  )
  return {
    name: 'test',
    production: false,
    hosts,
    groups: { nodes: Object.keys(hosts) },
    vars: {},
    timeouts: { connect: 20_000, check: 20_000, apply: 20_000 },
  }
}

/** A file with a host's name in it: the smallest state there is. */
function present(root: string, name: string, options: Partial<Task> = {}): Task {
  const path = join(root, name)
  return task(name, {
    check: async ({ $ }) =>
      (await $`test -e ${path}`.nothrow()).exitCode === 0 ? undefined : change(`no ${name}`),
    apply: async ({ sh }) => {
      await sh`touch ${path}`
    },
    ...options,
  })
}

type Vars = { readonly root: string }
const site = (plays: readonly Partial<Play<unknown, Vars>>[]) =>
  playbook<unknown, Vars>({
    name: 'site',
    description: 'for the tests',
    plays: plays.map((play) => ({ title: 'play', hosts: 'nodes', roles: [], ...play })),
  })

async function play(
  book: ReturnType<typeof site>,
  target: Inventory = inventory(),
  options: Partial<RunOptions> = {},
) {
  const events: Event[] = []
  const { exitCode } = await run(
    book as Parameters<typeof run>[0],
    target,
    {
      check: false,
      selection: {},
      forks: 10,
      signal: new AbortController().signal,
      controller: 'the tests',
      lockPath,
      ...options,
    },
    (event) => events.push(event),
  )
  const ends = events.flatMap((event) =>
    event.type === 'task-end' ? [`${event.host} ${event.status}`] : [],
  )
  return { exitCode, events, ends }
}

const one = (made: Partial<Task> & Pick<Task, 'apply'>) =>
  site([
    { roles: [role('r', () => [task('it', { check: async () => change('to do'), ...made })])] },
  ])
const reasons = (events: readonly Event[]) =>
  events.flatMap((event) => (event.type === 'task-end' && event.reason ? [event.reason] : []))

describe('a change that does not end well', () => {
  it('is over on the host before the run says that it was stopped', async () => {
    const mark = `7${process.pid}`
    const { events, exitCode } = await play(
      one({
        timeoutMs: 500,
        apply: async ({ sh }) => {
          await sh`trap '' TERM; sleep ${mark}`
        },
      }),
    )
    expect(exitCode).toBe(2)
    expect(reasons(events)).toEqual(Array(2).fill('did not end within 1 s and was stopped'))
    const left = spawnSync('pgrep', ['-f', `sleep ${mark}`], { encoding: 'utf8' })
    expect(left.stdout).toBe('')
  }, 30_000)

  it('is told by its last lines, however much it wrote', async () => {
    const { events, exitCode } = await play(
      one({
        apply: async ({ sh }) => {
          await sh`head -c 16000000 /dev/zero | tr '\\0' x; seq 1 100000 >&2; exit 3`
        },
      }),
    )
    expect(exitCode).toBe(2)
    for (const reason of reasons(events)) {
      expect(reason.length).toBeLessThan(20_000)
      expect(reason).toContain('100000')
    }
  })

  it('is stopped where it writes without end', async () => {
    const { events, exitCode } = await play(
      one({
        apply: async ({ sh }) => {
          await sh`exec cat /dev/zero`
        },
      }),
      inventory(),
      { forks: 1 },
    )
    expect(exitCode).toBe(2)
    expect(reasons(events).join()).toMatch(
      /wrote more than 128 MiB and was stopped: let it write into a file/,
    )
  }, 60_000)

  it('is a host that cannot be reached where the connection is lost', async () => {
    const { events, exitCode } = await play(
      one({
        apply: async ({ sh, name }) => {
          setTimeout(() => server(name).drop(), 100)
          await sh`sleep 5`
        },
      }),
    )
    expect(exitCode).toBe(3)
    expect(reasons(events).join()).toMatch(
      /connection to .* (closed|lost).*the change may be incomplete/,
    )
  })
})

describe('a run over two hosts', () => {
  it('changes both, and nothing the second time', async () => {
    const book = site([{ roles: [role('r', ({ host }) => [present(host.vars.root, 'a')])] }])
    expect((await play(book)).ends.sort()).toEqual(['M1 changed', 'M2 changed'])
    const again = await play(book)
    expect(again.ends.sort()).toEqual(['M1 ok', 'M2 ok'])
    expect(again.exitCode).toBe(0)
  })

  it('begins with what a task has to say, once for all hosts, and not where it is left out', async () => {
    const said = async (selection: Partial<RunOptions>) => {
      const told = role('told', ({ host }: { host: { vars: { root: string } } }) => [
        { ...present(host.vars.root, 'a'), notice: 'there is only one disk' },
      ])
      const other = role('other', ({ host }: { host: { vars: { root: string } } }) => [
        present(host.vars.root, 'b'),
      ])
      const { events } = await play(site([{ roles: [told, other] }]), inventory(), selection)
      return events.flatMap((event) => (event.type === 'notice' ? [event.text] : []))
    }
    expect(await said({})).toEqual(['there is only one disk'])
    expect(await said({ selection: { tags: ['other'] } })).toEqual([])
  })

  it('touches no host when one cannot be reached', async () => {
    const book = site([{ roles: [role('r', ({ host }) => [present(host.vars.root, 'a')])] }])
    const { exitCode, ends } = await play(book, inventory({ M2: { port: 1 } }))
    expect(exitCode).toBe(3)
    expect(ends).toEqual([])
    expect(existsSync(join(server('M1').root, 'a'))).toBe(false)
  })

  it('meets at a barrier before either goes on', async () => {
    const seen: string[] = []
    const book = site([
      {
        roles: [
          role('r', ({ host, others }) => [
            present(host.vars.root, 'before'),
            task('sees the peer', {
              barrier: true,
              check: async (target) => {
                const [peer] = others
                if (!peer) throw new Error('no peer')
                const path = join(peer.vars.root, 'before')
                const { exitCode } = await target.peer(peer.name).$`test -e ${path}`.nothrow()
                seen.push(`${target.name} ${exitCode}`)
                return undefined
              },
              apply: async () => {},
            }),
          ]),
        ],
      },
    ])
    expect((await play(book)).exitCode).toBe(0)
    expect(seen.sort()).toEqual(['M1 0', 'M2 0'])
  })

  it('stops the other host at the next barrier when one refuses', async () => {
    const book = site([
      {
        roles: [
          role('r', ({ host }) => [
            task('guard', {
              check: async () => {
                if (host.name === 'M2') throw new Refusal('M2 holds data')
                return undefined
              },
              apply: async () => {},
            }),
            present(host.vars.root, 'after', { barrier: true }),
          ]),
        ],
      },
      { roles: [role('r', ({ host }) => [present(host.vars.root, 'later')])] },
    ])
    const { exitCode, ends } = await play(book)
    expect(exitCode).toBe(4)
    expect(ends.sort()).toEqual(['M1 ok', 'M2 refused'])
    expect(existsSync(join(server('M1').root, 'after'))).toBe(false)
  })

  it('tells what is behind a barrier too, where a play is to tell everything', async () => {
    const told = (title: string, barrier: boolean, wrong: (host: string) => boolean) =>
      task(title, {
        barrier,
        check: async ({ name }) => {
          if (wrong(name)) throw new Refusal(`${name}: ${title}`)
          return undefined
        },
        apply: async () => {},
      })
    const book = site([
      {
        keepGoing: true,
        roles: [
          role('r', () => [
            told('first', false, (name) => name === 'M2'),
            told('second', true, () => true),
          ]),
        ],
      },
    ])
    const { exitCode, ends } = await play(book)
    expect(exitCode).toBe(4)
    expect(ends.sort()).toEqual(['M1 ok', 'M1 refused', 'M2 refused', 'M2 refused'])
  })

  it('takes the hosts of a serial play one after the other, in the order asked for', async () => {
    const book = site([
      {
        serial: true,
        order: async (hosts) => hosts.map(({ name }) => name).reverse(),
        roles: [role('r', ({ host }) => [present(host.vars.root, 'a')])],
      },
    ])
    expect((await play(book)).ends).toEqual(['M2 changed', 'M1 changed'])
  })

  it('runs disruptive tasks one at a time', async () => {
    let now = 0
    let most = 0
    const book = site([
      {
        roles: [
          role('r', ({ host }) => [
            present(host.vars.root, 'a', {
              disruptive: async () => {},
              apply: async ({ sh }) => {
                most = Math.max(most, ++now)
                await sh`touch ${join(host.vars.root, 'a')}`
                now--
              },
            }),
          ]),
        ],
      },
    ])
    expect((await play(book)).exitCode).toBe(0)
    expect(most).toBe(1)
  })

  it('is refused while another run holds a host, and says who', async () => {
    const connection = await connect(server('M2').options())
    const session = await openSession(connection, { timeoutMs: 20_000 })
    await session.lock({ path: lockPath('M2'), holder: 'alice@desk (process 7)' })
    const book = site([{ roles: [role('r', ({ host }) => [present(host.vars.root, 'a')])] }])
    const { exitCode, events } = await play(book)
    await connection.close()
    expect(exitCode).toBe(3)
    const said = events.flatMap((event) => (event.type === 'host-unreachable' ? [event.error] : []))
    expect(said.join()).toMatch(/M2: another run holds the lock .*alice@desk \(process 7\)/)
    expect(existsSync(join(server('M1').root, 'a'))).toBe(false)
  })

  it('takes no lock and writes nothing in check mode', async () => {
    const book = site([{ roles: [role('r', ({ host }) => [present(host.vars.root, 'a')])] }])
    const { exitCode, ends } = await play(book, inventory(), { check: true })
    expect(exitCode).toBe(0)
    expect(ends.sort()).toEqual(['M1 would-change', 'M2 would-change'])
    expect(existsSync(lockPath('M1'))).toBe(false)
  })

  it('gives an apply half a shell, atomic writes and a time-out of its own', async () => {
    const root = server('M1').root
    mkdirSync(join(root, 'etc'))
    writeFileSync(join(root, 'etc/x'), 'old')
    const book = site([
      {
        roles: [
          role('r', ({ host }) => [
            task('file', {
              check: async ({ $ }) => {
                const path = join(host.vars.root, 'etc/x')
                const { stdout } = await $`cat ${path} 2>/dev/null; true`
                return stdout === 'new' ? undefined : change('content')
              },
              apply: async ({ write, sh }) => {
                await sh`mkdir -p ${join(host.vars.root, 'etc')}`
                await write(join(host.vars.root, 'etc/x'), 'new', {
                  mode: 0o600,
                  ...owner,
                })
              },
            }),
            present(host.vars.root, 'never', {
              timeoutMs: 300,
              apply: async ({ sh }) => {
                await sh`sleep 60`
              },
            }),
          ]),
        ],
      },
    ])
    const { exitCode, events } = await play(book, inventory(), { selection: { limit: ['M1'] } })
    expect(readFileSync(join(root, 'etc/x'), 'utf8')).toBe('new')
    expect(exitCode).toBe(2)
    const failed = events.findLast((event) => event.type === 'task-end')
    expect(failed?.type === 'task-end' && failed.reason).toMatch(/did not end within/)
  })
})

/** The test servers run as whoever runs the tests, who may own files only as himself. */
const owner = { owner: String(process.getuid?.()), group: String(process.getgid?.()) }
