import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sums, writeFiles } from './state.ts'
import { on, ran, reset, until } from './tandem.ts'

const vip = '192.168.0.219'
/** Not the whole of site: that would keep what it made of a spoilt pair as `converged`. */
const nodes = ['site', '--limit', 'nodes']
const boot = (host: string) => on(host, 'cat /proc/sys/kernel/random/boot_id')

beforeAll(async () => {
  await reset('clean')
  // What others have on these machines stays theirs.
  await on('M1', "echo '127.0.0.1 app.example' >>/etc/hosts")
  await on('M2', "printf '/srv\\t10.9.9.9(ro,sync)\\n' >/etc/exports; mkdir -p /srv")
  await ran(['site'], 0)
})

beforeEach(() => reset('converged'))

describe('what belongs to others', () => {
  it('stays: lines of /etc/hosts and /etc/exports, and what users did to the root of the share', async () => {
    expect(await on('M1', 'cat /etc/hosts')).toContain('127.0.0.1 app.example\n')
    expect(await on('M2', 'cat /etc/exports')).toContain('/srv\t10.9.9.9(ro,sync)\n')
    await on('C1', 'chown 1000:1000 /data && chmod 2775 /data')
    await ran(['verify'], 0)
    const { run } = await ran(nodes, 0)
    expect(run.recap.map(({ changed }) => changed)).toEqual([0, 0])
    await ran(['switchover'], 0)
    expect(await on('C1', "stat -c '%u:%g %a' /data")).toBe('1000:1000 2775\n')
  })

  it("stays: the node's own address, where the floating one came first on the card", async () => {
    await on(
      'M1',
      `ip addr flush dev em1; ip addr add ${vip}/24 dev em1; ip addr add 192.168.0.210/24 dev em1; echo 0 >/proc/sys/net/ipv4/conf/all/promote_secondaries; echo 0 >/proc/sys/net/ipv4/conf/em1/promote_secondaries`,
    )
    await ran(['switchover'], 0)
    expect(await on('M1', 'ip -o -4 addr show em1')).toContain('192.168.0.210/24')
  })
})

describe('a move that would end badly', () => {
  it('names a second mount of the share, and refuses; an unplanned one ends without a reboot', async () => {
    const files = await writeFiles(5, 'bind')
    await on('M1', 'mkdir /srv/pub && mount --bind /data /srv/pub')
    const { said } = await ran(['verify'], 2)
    expect(said).toMatch(/the share is also mounted on \/srv\/pub/)
    const { said: refused } = await ran(['switchover'], 4)
    expect(refused).toMatch(/does not move while something else uses its disks: .*\/srv\/pub/)
    const before = await boot('M1')
    await on('M1', '/usr/share/heartbeat/hb_standby all')
    await until('M2', '[ -s /run/tandem/serving ]')
    expect(await boot('M1')).toBe(before)
    expect(await on('M1', 'cat /proc/self/mountinfo')).not.toContain('/srv/pub')
    expect(await sums('bind')).toBe(files)
  })

  const background = (command: string) =>
    `setsid sh -c '${command}' >/dev/null 2>&1 </dev/null & sleep 2`
  it.each([
    ['a process in the share', 'cd /data && exec sleep 500', /process \d+ \(sleep\) uses \/data/],
    [
      'a process that comes back at once',
      'while :; do (cd /data && exec sleep 500); sleep 0.1; done',
      /process \d+ \(sleep\) uses \/data/,
    ],
    [
      'a mount namespace of its own',
      'exec unshare -m sleep 500',
      /process \d+ has the share mounted too, in a mount namespace of its own/,
    ],
    [
      'somebody who reads the device',
      'exec sleep 500 </dev/drbd0',
      /process \d+ \(sleep\) has \/dev\/drbd0 open/,
    ],
  ])('names %s, and refuses; an unplanned one ends without a reboot', async (_, holder, named) => {
    const files = await writeFiles(5, 'held')
    await on('M1', background(holder))
    const { said } = await ran(['switchover'], 4)
    expect(said).toMatch(named)
    const before = await boot('M1')
    await on('M1', '/usr/share/heartbeat/hb_standby all')
    await until('M2', '[ -s /run/tandem/serving ]')
    await until('M1', 'grep -q "ro:Secondary/Primary" /proc/drbd')
    expect(await boot('M1')).toBe(before)
    expect(await sums('held')).toBe(files)
  })
})

describe('verify', () => {
  it.each([
    [
      'an export that is async',
      'M1',
      'exportfs -i -o rw,async,no_root_squash,fsid=1 192.168.0.0/24:/data',
      /exported async to 192\.168\.0\.0\/24/,
    ],
    [
      'heartbeat that does not start at boot',
      'M2',
      'systemctl disable -q heartbeat',
      /M2 .*heartbeat.*enabled/,
    ],
    [
      'a database of locks that was deleted',
      'M1',
      'rm -r /var/lib/tandem/state/.nfsdcld',
      /main\.sqlite \(deleted\)/,
    ],
    [
      'another machine with the address',
      'C1',
      `ip addr add ${vip}/32 dev em1`,
      /another machine on em1 answers/,
    ],
  ])('names %s', async (_, host, breakIt, named) => {
    await on(host, breakIt)
    const { said } = await ran(['verify'], 2)
    expect(said).toMatch(named)
  })
})

describe('a pair that speaks NFS 4 only', () => {
  const open = async (host: string) => {
    const listening = await on(
      host,
      'ss -Hltunp | while read -r _ _ _ _ here _ users; do echo "$here $users"; done | sort -u',
    )
    // Heartbeat sends and hears on its cards; DRBD listens on its line while it waits for its peer.
    const left = listening
      .trim()
      .split('\n')
      .filter(
        (one) =>
          !/^(127\.|\[::1\])|^0\.0\.0\.0%em[12]:\d+ users:\(\("heartbeat"|^172\.16\.100\.21[01]:(7789|7790) /.test(
            `${one} `,
          ),
      )
      .map((one) => one.replace(/^(0\.0\.0\.0|\*|\[::\]):(\d+).*/, ':$2'))
    return [...new Set(left)].sort()
  }

  it('listens on nothing else beyond loopback, on either node, before and after a move', async () => {
    for (const [serving, other] of [
      ['M1', 'M2'],
      ['M2', 'M1'],
    ] as const) {
      expect(await open(serving)).toEqual([':2049', ':22'])
      expect(await open(other)).toEqual([':22'])
      if (serving === 'M1') await ran(['switchover'], 0)
    }
  })

  it('has no program and no device for the node in its share', async () => {
    await on(
      'C1',
      'mknod /data/disk b 253 0; cp /bin/sh /data/sh; chmod 4755 /data/sh; sync -f /data',
    )
    expect(await on('M1', 'dd if=/data/disk of=/dev/null count=1 2>&1 || :')).toMatch(
      /Permission denied/,
    )
    expect(await on('M1', 'grep " /data " /proc/mounts')).toMatch(/nosuid.*nodev|nodev.*nosuid/)
  })

  it('keeps the shared secret out of the journal when DRBD cannot start', async () => {
    const secret = (
      await on('M2', 'sed -n \'s/.*shared-secret "\\(.*\\)";/\\1/p\' /etc/drbd.d/*')
    ).trim()
    expect(secret.length).toBeGreaterThan(8)
    await on(
      'M2',
      'systemctl stop heartbeat; drbdadm down drbd; ip addr flush dev em3; systemctl restart tandem-drbd || :; journalctl --sync',
    )
    const said = await on('M2', 'journalctl --no-pager -u tandem-drbd')
    expect(said).toMatch(/drbd/)
    expect(said).not.toContain(secret)
  })

  it('is not kept from taking over by processes of another user with the names of its daemons', async () => {
    const files = await writeFiles(5, 'names')
    await on(
      'M2',
      `mkdir -m 0777 /tmp/of-nobody; for name in nfsdcld rpc.mountd fence-peer; do cp /bin/sleep /tmp/of-nobody/$name; setsid su -s /bin/sh nobody -c "/tmp/of-nobody/$name 500" >/dev/null 2>&1 </dev/null & done; sleep 1; ! su -s /bin/sh nobody -c ': </run/tandem/service.lock' 2>/dev/null`,
    )
    await ran(['switchover'], 0)
    expect(await on('M2', 'pgrep -u root -x nfsdcld && pgrep -u root -x rpc.mountd')).toMatch(/\d+/)
    expect(await sums('names')).toBe(files)
    await ran(['verify'], 0)
    await ran(['switchover'], 0)
    // They belong to their user: nothing ends them.
    expect(await on('M2', "pgrep -c -u nobody -x 'nfsdcld|rpc.mountd|fence-peer'")).toBe('3\n')
  })

  it('is not blocked by another user who holds a lock', async () => {
    await on(
      'M1',
      "touch /run/lock/tandem.lock; chmod 666 /run/lock/tandem.lock; su -s /bin/sh nobody -c 'flock /run/lock/tandem.lock sleep 300 >/dev/null 2>&1 &'; sleep 1",
    )
    await ran(nodes, 0)
    expect(await on('M1', "stat -c '%U %a' /run/tandem")).toBe('root 755\n')
  })
})
