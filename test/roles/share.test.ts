import { spawnSync } from 'node:child_process'
import { mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { type CheckHost, change } from '../../lib/index.ts'
import { besideProblems } from '../../roles/integrate/beside.ts'
import { missingOptions } from '../../roles/integrate/service.ts'
import { keptText } from '../../roles/integrate/state.ts'
import { legacyMounts, unlessLegacyMounts } from '../../roles/nfs/own-mounts.ts'
import { rpcbind } from '../../roles/nfs/rpcbind.ts'
import { exportFileProblems, exportProblems, parseEtab } from '../../roles/verify/exports.ts'
import { databaseProblem, serverProblems } from '../../roles/verify/service.ts'
import { here } from '../resources/host.ts'
import { HostAround, nfsWords } from './host-around.ts'

const sh = (script: string) => spawnSync('sh', ['-ec', script], { encoding: 'utf8' })
/** A namespace of its own: what is mounted, unmounted and killed there is nobody else's. */
const alone = ['unshare', '-m', '--propagation', 'slave', '-p', '-f', '--mount-proc', 'sh', '-ec']
const able =
  process.getuid?.() === 0 &&
  sh(
    `${alone.join(' ')} 'mount -t tmpfs none /mnt && fuser -V 2>/dev/null' && f=$(mktemp) && truncate -s 8M $f && mke2fs -q $f && l=$(losetup --find --show $f) && losetup -d $l`,
  ).status === 0

describe.runIf(able)('the end of the service', { timeout: 60_000 }, () => {
  /** Runs `tandem-nfs stop` where a filesystem of its own stands for the share. */
  function stop(prepare: string, after: string) {
    const host = new HostAround({ '/data': 'data', '/run/rpc_pipefs': 'pipes' })
    const { folder } = host
    for (const name of ['rpc.nfsd', 'exportfs']) host.program(name, 'exit 0')
    mkdirSync(join(folder, 'data'))
    const script = host.script('tandem-nfs', 'integrate/templates/tandem-nfs.hbs', nfsWords)
    const image = join(folder, 'image')
    const made = sh(`truncate -s 16M ${image}; mke2fs -q ${image}; losetup --find --show ${image}`)
    const loop = made.stdout.trim()
    const number = `7:${loop.match(/\d+$/)?.[0]}`
    const text = readFileSync(script, 'utf8')
    expect(text).toContain('147:$minor')
    writeFileSync(script, text.replaceAll('147:$minor', number))
    try {
      const [command = '', ...words] = alone
      return spawnSync(
        command,
        [
          ...words,
          `cd ${folder}; mount ${loop} data; ${prepare}
           sh tandem-nfs stop || echo "stop: $?"
           grep -c ' ${number} ' /proc/self/mountinfo || :
           ${after}`,
        ],
        { encoding: 'utf8' },
      )
    } finally {
      sh(`losetup -d ${loop}`)
    }
  }

  it('unmounts the share wherever it is mounted, and what is mounted inside, the last first', () => {
    const { stdout, stderr } = stop(
      "mkdir pub 'a blank' data/inner data/inner/more; mount --bind data pub; mount --bind data/inner 'a blank'; mount -t tmpfs none data/inner; mkdir data/inner/x; mount -t tmpfs none data/inner/x",
      "grep -c 'tandem-host' /proc/self/mountinfo || :",
    )
    expect(stdout, stderr).toBe('0\n0\n')
  })

  it('leaves alone what the share only hides, and who uses elsewhere what is mounted inside', () => {
    // On a node some other filesystem is often mounted inside: a folder of the root filesystem, say.
    const { stdout, stderr } = stop(
      `mkdir data/home other data/local; mount -t tmpfs none other; mount --bind other data/home
       ( cd data/home; exec sleep 50 ) & inside=$!; ( cd other; exec sleep 50 ) & outside=$!; sleep 0.3`,
      'kill -0 $inside && kill -0 $outside && echo both live; kill $inside $outside; grep -c other /proc/self/mountinfo',
    )
    expect(stdout, stderr).toBe('0\nboth live\n1\n')
  })

  it('ends whoever holds the share, and nobody else', () => {
    const { stdout, stderr } = stop(
      '( cd data; exec sleep 50 ) & held=$!; ( cd /; exec sleep 50 ) & other=$!; sleep 0.3',
      'kill -0 $held 2>/dev/null && echo alive; kill -0 $other && echo other lives; kill $other',
    )
    expect(stdout, stderr).toBe('0\nother lives\n')
  })

  it('is not kept from ending by who comes back at once, and says whom it ended', () => {
    const { stdout, stderr } = stop(
      '( while :; do ( cd data && exec sleep 50 ) || :; sleep 0.1; done ) & again=$!; sleep 0.3',
      'kill -0 $again && echo it goes on; kill $again',
    )
    expect(stdout, stderr).toBe('0\nit goes on\n')
    expect(stderr).toMatch(/process \d+ \(sleep\) uses \S*data and is ended/)
  })

  it('kills nobody of the node itself where the share has gone meanwhile', () => {
    // It is unmounted by someone else between the look and the kill.
    const { stdout, stderr } = stop(
      `( cd /; exec sleep 50 ) & other=$!
       sed -i 's/^unmount() {/unmount() { [ ! -e again ] || return 0; : >again; return 1; }; _() {/; s/^look_at_mounts() {/look_at_mounts() { umount data; ours=data within=; }; __() {/' tandem-nfs`,
      'kill -0 $other && echo other lives; kill $other',
    )
    expect(stdout, stderr).toBe('0\nother lives\n')
  })
})

describe('the start of the service', () => {
  /** Runs `tandem-nfs start` where the share is mounted already; what exportfs says, and what it exports. */
  function start(code: number, etab: string) {
    const host = new HostAround({
      '/proc/mounts': 'mounts',
      '/proc/fs/nfsd': 'nfsd',
      '/var/lib/nfs/etab': 'etab',
      '/run/rpc_pipefs': 'pipes',
      '/run/tandem-exports': 'read',
      '/data': 'data',
    })
    const { folder } = host
    for (const name of ['nfsd', 'pipes/nfsd', 'data']) {
      mkdirSync(join(folder, name), { recursive: true })
    }
    for (const name of ['nfsd/threads', 'pipes/nfsd/cld']) host.file(name, '0\n')
    host.file(
      'mounts',
      `/dev/drbd0 ${folder}/data ext4 rw 0 0\nsunrpc ${folder}/pipes rpc_pipefs rw 0 0\n`,
    )
    host.file('etab', etab.replace('/data', `${folder}/data`))
    for (const name of ['nfsdcld', 'rpc.mountd', 'unshare']) host.program(name, 'exit 0')
    host.program('exportfs', `exit ${code}`)
    const script = host.script('tandem-nfs', 'integrate/templates/tandem-nfs.hbs', nfsWords)
    const { status, stderr } = spawnSync('sh', [script, 'start'], { encoding: 'utf8' })
    return { status, stderr, asked: readFileSync(join(folder, 'asked'), 'utf8') }
  }

  it('goes on where exportfs complains of a line of others', () => {
    const { status, stderr, asked } = start(1, '/srv\t*(ro)\n/data\t10.0.0.0/24(rw)\n')
    expect(status, stderr).toBe(0)
    expect(stderr).toContain('exportfs complains of a line in /etc/exports')
    expect(asked).toContain('rpc.mountd')
  })

  it.each([0, 1])('ends where the share itself is not exported, exportfs ended with %i', (code) => {
    const { status, asked } = start(code, '/srv\t*(ro)\n')
    expect(status).toBe(1)
    expect(asked).not.toContain('rpc.mountd')
  })
})

describe('what uses the share beside the service', () => {
  const root = '25 1 8:1 / / rw shared:1 - ext4 /dev/sda1 rw'
  const share = '36 25 147:0 / /data rw,noatime shared:9 - ext4 /dev/drbd0 rw'
  const disk = { what: 'the share', path: '/data', device: '/dev/drbd0', minor: 0 }
  /** What is named where the node has these mounts, and processes with namespaces of their own have others. */
  const named = (lines: readonly string[], others: readonly string[] = []) => {
    const own = [root, share, ...lines]
    const mounts = [...own.map((line) => `/proc/1/mountinfo:${line}`), ...others].join('\n')
    return besideProblems({ own: own.join('\n'), mounts, swaps: '', loops: '' }, disk)
  }

  it('is nothing on a node that only serves, or has services whose mounts follow its own', () => {
    expect(
      named(
        ['41 25 0:40 / /data-of-others rw - tmpfs none rw'],
        [
          '/proc/70/mountinfo:80 79 8:1 / / rw shared:5 master:1 - ext4 /dev/sda1 rw',
          '/proc/70/mountinfo:90 80 147:0 / /data rw shared:6 master:9 - ext4 /dev/drbd0 rw',
          // A namespace made in that one.
          '/proc/71/mountinfo:180 79 8:1 / / rw master:5 - ext4 /dev/sda1 rw',
          '/proc/71/mountinfo:190 180 147:0 / /data rw master:6 - ext4 /dev/drbd0 rw',
        ],
      ),
    ).toEqual([])
  })

  it('is a mount of the same place in a namespace that follows nobody, or a container', () => {
    const sentence = (pid: number) =>
      `process ${pid} has the share mounted too, in a mount namespace of its own (a container?)`
    expect(
      named(
        [],
        [
          '/proc/80/mountinfo:80 79 8:1 / / rw - ext4 /dev/sda1 rw',
          '/proc/80/mountinfo:90 80 147:0 / /data rw - ext4 /dev/drbd0 rw',
          '/proc/81/mountinfo:280 279 0:99 / / rw - overlay overlay rw',
          '/proc/81/mountinfo:290 280 147:0 / /data rw master:9 - ext4 /dev/drbd0 rw',
        ],
      ),
    ).toEqual([sentence(80), sentence(81)])
  })

  it('is a second mount, a filesystem inside, a swap file and a loop device, each named once', () => {
    expect(
      named([
        '50 25 147:0 /pub /srv/a\\040blank rw - ext4 /dev/drbd0 rw',
        '50 25 147:0 /pub /srv/a\\040blank rw - ext4 /dev/drbd0 rw',
        '51 36 8:1 / /data/usb rw - ext4 /dev/sda1 rw',
        '52 25 147:1 / /other rw - ext4 /dev/drbd1 rw',
      ]),
    ).toEqual([
      'the share is also mounted on /srv/a blank',
      'another filesystem is mounted on /data/usb, inside the share',
    ])
    expect(
      besideProblems(
        {
          own: share,
          mounts: share,
          swaps: 'Filename Type Size Used Priority\n/data/swap file 1 0 -2\n/swap file 1 0 -3\n',
          loops:
            '/sys/block/loop3/loop/backing_file /data/disk.img\n/sys/block/loop4/loop/backing_file /dev/drbd0\n',
        },
        disk,
      ),
    ).toEqual([
      'swap uses /data/swap',
      'a loop device uses /data/disk.img',
      'a loop device uses /dev/drbd0',
    ])
  })
})

describe('the mount of the share', () => {
  it('lacks what keeps clients from making programs and devices of the node', () => {
    const line = (options: string) => `/dev/drbd0 /data ext4 ${options} 0 0\n`
    expect(missingOptions(line('rw,nosuid,nodev,noatime'), '/dev/drbd0', '/data')).toEqual([])
    expect(missingOptions(line('rw,noatime'), '/dev/drbd0', '/data')).toEqual(['nosuid', 'nodev'])
    expect(missingOptions('', '/dev/drbd0', '/data')).toEqual([])
  })
})

describe('the running exports', () => {
  const etab = (...lines: string[]) => parseEtab(lines.map((line) => `${line}\n`).join(''))
  const ours = '/data\t192.168.0.0/24(rw,sync,wdelay,hide,no_root_squash,fsid=1,mountpoint,sec=sys)'
  const problems = (...lines: string[]) =>
    exportProblems(etab(...lines), '/data', '192.168.0.0/24', [
      'rw',
      'sync',
      'no_root_squash',
      'fsid=1',
    ])

  it('are right where they say what the inventory says; those of others are theirs', () => {
    expect(problems(ours, '/srv\t*(ro,async)')).toEqual([])
  })

  it('are right where exportfs spells an option otherwise', () => {
    const found = etab(ours.replace('hide', 'hide,insecure_locks'))
    const wanted = ['rw', 'no_root_squash', 'no_auth_nlm']
    expect(exportProblems(found, '/data', '192.168.0.0/24', wanted)).toEqual([])
    expect(exportProblems(etab(ours), '/data', '192.168.0.0/24', wanted)).toHaveLength(1)
  })

  it.each([
    [[ours.replace(',sync,', ',async,')], /exported async to 192.168.0.0\/24: .* lose it/],
    [[ours, '/data\t*(rw,sync)'], /also exported to \*, which the inventory does not say/],
    [[], /\/data is not exported to 192/],
    [[ours.replace('(rw', '(ro')], /without rw$/],
    [[ours, '/data/private\t10.0.0.1(rw,sync)'], /\/data\/private, a part of the share/],
    [[ours, '/srv\t10.0.0.1(rw,sync,fsid=1)'], /\/srv .* with fsid=1: that is the number of/],
    [
      [ours, '/srv\t*(ro,sync,fsid=0)'],
      /\/srv .* with fsid=0: clients of NFS 4 do not find \/data/,
    ],
    [[ours, '/\t*(rw,sync,crossmnt)'], /\/ is exported to \* with crossmnt, and the share with it/],
    [
      [ours.replace('hide', 'nohide,all_squash,insecure')],
      /with insecure, nohide, all_squash, which/,
    ],
  ])('%j is named', (lines, sentence) => {
    expect(problems(...lines).join('\n')).toMatch(sentence)
  })

  it('and what they will be: the files of both nodes', () => {
    const found = (...lines: string[]) =>
      exportFileProblems(
        ['/etc/exports:/data\t192.168.0.0/24(rw,sync,fsid=1)', ...lines].join('\n'),
        '/data',
        '192.168.0.0/24',
      )
    const file = '/etc/exports.d/x.exports'
    expect(
      found('/etc/exports:# /data *(rw)', '/etc/exports:', '/etc/exports:/srv 10.9.9.9(ro,sync)'),
    ).toEqual([])
    const sentence = (whom: string) =>
      `/data is also exported to ${whom} (${file}), which the inventory does not say`
    expect(found(`${file}:/data 10.0.0.1(rw) 10.0.0.2 # and more`)).toEqual([
      sentence('10.0.0.1'),
      sentence('10.0.0.2'),
    ])
    expect(found(`${file}:"/data" \\`, `${file}:  10.0.0.1(rw)`)).toEqual([sentence('10.0.0.1')])
    expect(found(`${file}:/data 192.168.0.0/24(rw,all_squash)`)).toEqual([
      `/data is exported to 192.168.0.0/24 by a second line (${file})`,
    ])
    expect(found(`${file}:/data/in (rw)`)).toEqual([
      `/data/in, a part of the share, is exported on its own to * (${file})`,
    ])
    expect(found(`${file}:/srv *(fsid=1,ro)`)).toHaveLength(1)
  })
})

describe('what a node mounts itself by NFS 3', () => {
  it('keeps rpcbind on it', async () => {
    const mounts =
      'a:/x /mnt/old nfs rw,vers=3,addr=10.0.0.9 0 0\nb:/y /mnt/new nfs4 rw,vers=4.2 0 0\n'
    const fstab =
      '# c:/z /mnt/no nfs vers=3 0 0\nd:/w /mnt/later nfs noauto,nfsvers=3 0 0\ne:/v /mnt/four nfs rw 0 0\n'
    expect(legacyMounts(mounts, '')).toEqual(['/mnt/old'])
    expect(legacyMounts('', fstab)).toEqual(['/mnt/later'])
    expect(legacyMounts('', '')).toEqual([])
    let asked = 0
    const made = unlessLegacyMounts({
      title: 'x',
      check: async () => change('would mask it'),
      apply: async () => {},
    })
    const host = (text: string) => {
      const $ = () => {
        asked++
        const answer = Promise.resolve({ stdout: text, stderr: '', exitCode: 0 })
        return Object.assign(answer, { nothrow: () => answer })
      }
      return { name: 'M1', $, peer: () => host(text) } as unknown as CheckHost
    }
    expect(await made.check(host(mounts))).toBeUndefined()
    expect(await made.check(host(''))).toBeDefined()
    expect(asked).toBe(4)
    // As of a unit that was never written.
    const gone = unlessLegacyMounts({
      title: 'x',
      check: async () => {
        throw new Error('Unit x does not exist')
      },
      apply: async () => {},
    })
    expect(await gone.check(host(mounts))).toBeUndefined()
    await expect(gone.check(host(''))).rejects.toThrow('does not exist')
  })
})

describe('how nfsd was started', () => {
  const wanted = { threads: 8, grace: 10, lease: 10, legacyClients: false }
  it.each([
    ['8\n10\n10\n-3 +4 -4.0 +4.1 +4.2\n', []],
    // Not running is told elsewhere.
    ['', []],
    ['0\n90\n90\n+3 +4\n', []],
    ['64\n10\n10\n-3 +4\n', ['64 threads (expected 8)']],
    ['8\n90\n60\n-3 +4\n', ['a grace of 90 s (expected 10)', 'a lease of 60 s (expected 10)']],
    ['8\n10\n10\n+3 +4\n', ['NFS 3 on (expected off)']],
  ])('%j', (text, wrong) => {
    const found = serverProblems(text, wanted)
    expect(found).toHaveLength(wrong.length)
    for (const [place, what] of wrong.entries()) {
      expect(found[place]).toContain(`nfsd runs with ${what}: `)
    }
  })
})

it('a pair that has always served NFS 3 has no port mapper of ours to stop', async () => {
  const tasks = rpcbind(true).filter(({ title }) => title.includes('tandem-rpcbind'))
  expect(tasks).toHaveLength(2)
  for (const { check } of tasks) expect(await check(here())).toBeUndefined()
})

describe('where nfsdcld keeps its memory', () => {
  const mounted = '/dev/drbd1 /var/lib/tandem/state ext4 rw,nosuid 0 0'
  it.each([
    ['disk', `open 37633\nshare 37632\ndisk 37633\n${mounted}`],
    ['share', `open 37632\nshare 37632\ndisk 37633\n${mounted}`],
    ['share', 'open 37632\nshare 37632\ndisk 65025'],
    // The folder under the mount has the same path.
    ['elsewhere', `open 65025\nshare 37632\ndisk 37633\n${mounted}`],
    ['elsewhere', 'open 65025\nshare 37632\ndisk 65025'],
    ['elsewhere', `open 37633\nshare 37632\ndisk 37633\n${mounted.replace(' rw', ' ro')}`],
    // A standby has none, and its heartbeat may be restarted.
    ['none', 'share 65025\ndisk 65025'],
  ])('is %s', (wanted, said) => {
    expect(keptText(said, '/dev/drbd1')).toBe(wanted)
  })
})

describe("nfsdcld's database", () => {
  it.each([
    ['/dev/null\n/data/.nfsdcld/main.sqlite', undefined],
    ['/data/.nfsdcld/main.sqlite (deleted)', /\(deleted\), expected \/data\/.nfsdcld\/main.sqlite/],
    ['/var/lib/nfs/nfsdcld/main.sqlite', /nfsdcld writes to \/var\/lib\/nfs/],
    ['', /no database open/],
  ])('%j', (links, wanted) => {
    const got = databaseProblem(links, '/data/.nfsdcld')
    if (wanted === undefined) expect(got).toBeUndefined()
    else expect(got).toMatch(wanted)
  })
})
