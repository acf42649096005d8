import { spawn, spawnSync } from 'node:child_process'
import { chmodSync, copyFileSync, mkdtempSync, readFileSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, beforeAll, describe, expect, it, vi } from 'vitest'
import { processesOf } from '../../roles/shared/processes.ts'
import { here } from '../resources/host.ts'
import { HostAround } from './host-around.ts'

const nobody = 65534
const able =
  process.getuid?.() === 0 &&
  spawnSync('unshare', ['-m', 'true']).status === 0 &&
  spawnSync('setpriv', ['--version']).status === 0

describe.runIf(able)('a process with the name of a daemon', { timeout: 30_000 }, () => {
  // A name that nothing else on this machine has.
  const name = `tnd${process.pid}`
  const folder = mkdtempSync(join(tmpdir(), 'tandem-processes-'))
  const program = join(folder, name)
  const started: number[] = []
  const start = (...words: string[]) => {
    const [command = '', ...rest] = words
    const { pid } = spawn(command, rest, { stdio: 'ignore', detached: true })
    if (pid !== undefined) started.push(pid)
    return pid
  }
  const as = (user: number) => ['setpriv', `--reuid=${user}`, '--clear-groups']
  let own: number | undefined

  beforeAll(async () => {
    chmodSync(folder, 0o755)
    copyFileSync('/bin/sleep', program)
    chmodSync(program, 0o755)
    own = start(program, '300')
    start(...as(nobody), program, '300')
    // As a container has it.
    start('unshare', '-m', program, '300')
    const comms = () => spawnSync('sh', ['-c', 'cat /proc/[0-9]*/comm'], { encoding: 'utf8' })
    const count = () =>
      comms()
        .stdout.split('\n')
        .filter((one) => one === name).length
    await vi.waitFor(() => expect(count()).toBe(3), { timeout: 10_000 })
  })
  afterAll(() => {
    for (const pid of started) process.kill(pid)
  })

  it('is that daemon only where root started it on the node itself', async () => {
    expect(await processesOf(here(), [name, 'another'])).toEqual([{ pid: own, name }])
    expect(await processesOf(here(), [name], ['nobody'])).toHaveLength(1)
    expect(await processesOf(here(), ['another'])).toEqual([])
  })

  it.each(['sh', 'bash', 'busybox sh'])('is told apart by the scripts, in %s', (shell) => {
    const host = new HostAround()
    const script = `. ${host.folder}/common; find_pids ${name}; echo "$pids"; find_all none ${name}; echo "$alive"; was_alive ${name} && echo yes`
    const [command = '', ...words] = shell.split(' ')
    const { stdout, error } = spawnSync(command, [...words, '-c', script], { encoding: 'utf8' })
    if ((error as NodeJS.ErrnoException | undefined)?.code === 'ENOENT') return
    expect(stdout).toBe(` ${own}\n ${name}:${own}\nyes\n`)
  })

  it('is ours too where statd has given up root for its own user, on a pair that needs it', async () => {
    const legacy = new HostAround({ '/etc/passwd': 'passwd' }, '/data', { legacyClients: true })
    legacy.file('passwd', `root:x:0:0::/:/bin/sh\nstatd:x:${nobody}:65534::/:/bin/sh\n`)
    const daemon = join(folder, 'rpc.statd')
    copyFileSync('/bin/sleep', daemon)
    chmodSync(daemon, 0o755)
    const pid = start(...as(nobody), daemon, '300')
    const seen = (host: HostAround) =>
      spawnSync(
        'sh',
        [
          '-c',
          `. ${host.folder}/common; find_pids rpc.statd; echo "$pids "; find_pids ${name}; echo "$pids"`,
        ],
        { encoding: 'utf8' },
      ).stdout
    await vi.waitFor(() => expect(seen(legacy)).toContain(` ${pid} `), { timeout: 10_000 })
    // And no other daemon because of that.
    expect(seen(legacy)).toMatch(new RegExp(` ${own}\n$`))
    expect(seen(new HostAround())).not.toContain(` ${pid} `)
  })
})

describe.runIf(able)('a disk that is not mounted here any more', { timeout: 30_000 }, () => {
  it('is free once those end who have it in a namespace of their own, and nobody else does', () => {
    const host = new HostAround()
    const common = join(host.folder, 'common')
    host.program('logger', 'exit 0')
    const { stdout, stderr } = spawnSync(
      'unshare',
      [
        ...['-m', '--propagation', 'private', '-p', '-f', '--mount-proc', 'sh', '-ec'],
        `cd ${host.folder}; mkdir d; mount -t tmpfs none d; number=$(grep " $PWD/d " /proc/self/mountinfo | cut -d' ' -f3)
         unshare -m sleep 60 & holder=$!
         sleep 60 & other=$!
         sleep 0.5; umount d; unshare -m sleep 60 & without=$!
         sleep 0.3; kill -0 $holder
         sed -i "s/none:\\$1/$number/" common; . ./common; free_disk 0 /nowhere
         sleep 0.2; kill -0 $other && kill -0 $without && echo others live; kill -0 $holder 2>/dev/null && echo holder lives; kill $other $without; :`,
      ],
      { encoding: 'utf8' },
    )
    expect(stdout, stderr).toBe('others live\n')
    expect(readFileSync(join(host.folder, 'asked'), 'utf8')).toMatch(
      /logger .*\(sleep\) had \/nowhere mounted in a mount namespace of its own/,
    )
    writeFileSync(common, '')
  })
})
