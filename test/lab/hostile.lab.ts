import { beforeAll, describe, expect, it } from 'vitest'
import { on, ran, reset } from './tandem.ts'

/** Files of a node that no client may reach, with their sums; left out is what the node itself writes all the time. */
const outside = (node: string) =>
  on(
    node,
    `find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp -o -path /data -o -path /var/log -o -path /var/cache -o -path /var/lib/systemd -o -path /var/lib/chrony -o -path /var/lib/nfs -o -path /var/lib/heartbeat -o -path /var/lib/tandem \\) -prune -o -type f -print0 | xargs -0 sha256sum | sort -k2`,
  )

/**
 * What root of a client may think of, from a seed: each step takes something that is there, or one of the names that
 * the service once had in the share, and makes a link, a FIFO, a device, another mode or owner of it, or renames or
 * removes it. The folder `kept` is the other client's.
 */
const mischief = `use strict; my ($seed, $steps) = @ARGV; srand $seed; chdir '/data' or die;
my @names = qw(.nfsdcld .nfsdcld/main.sqlite .statd .statd/sm .statd/sm/x .tandem .tandem/clients .tandem/beat lost+found etc root .ssh authorized_keys);
my @targets = qw(/etc/passwd /etc/shadow /etc/exports /root /etc/ha.d/haresources /var/lib/tandem /var/lib/tandem/state /dev/sda ../../etc ../../../root/.ssh/authorized_keys /usr/local/lib/tandem/common /proc/sysrq-trigger . ..);
sub any { $_[int rand @_] }
sub there { my @all = grep { !m{^\\./kept} && $_ ne '.' } split /\\0/, qx{find . -mindepth 1 -maxdepth 4 -print0 2>/dev/null}; @all ? any(@all) : './x' }
sub fresh { rand() < 0.6 ? any(@names) : any(@names) . int rand 50 }
for my $step (1 .. $steps) {
  my ($path, $new) = (there(), fresh());
  my ($folder) = $new =~ m{^(.*)/}; mkdir $folder if defined $folder;
  my $what = int rand 14;
  if ($what == 0) { rename $new, "moved$step"; symlink any(@targets), $new }
  elsif ($what == 1) { rename $path, "moved$step"; symlink any(@targets), $path }
  elsif ($what == 2) { unlink $new; system 'mkfifo', '-m', '666', $new }
  elsif ($what == 3) { unlink $new; system 'mknod', '-m', '666', $new, any('c', 'b'), any(1, 8, 147, 254), int rand 4 }
  elsif ($what == 4) { unlink $path }
  elsif ($what == 5) { system 'rm', '-rf', $path }
  elsif ($what == 6) { rename $path, $new }
  elsif ($what == 7) { chmod any(0, 04777, 06755, 01777, 0700), $path unless -l $path }
  elsif ($what == 8) { system 'chown', '-h', (int rand 3000) . ':' . int rand 3000, $path }
  elsif ($what == 9) { if (-f $path && !-l $path && open my $f, '+>>', $path) { print $f any("192.168.0.219:2049 192.168.0.1:1\\n" x 500, "\\0" x 70000, "/data *(rw,no_root_squash)\\n", "\\e[2J") } }
  elsif ($what == 10) { truncate $path, int rand 5_000_000 if -f $path && !-l $path }
  elsif ($what == 11) { link $path, $new }
  elsif ($what == 12) { mkdir $new; mkdir "$new/" . 'n' x 200 }
  else { unlink $new; system 'cp', '-a', '/bin/true', $new unless -e $new || -l $new; chmod 06755, $new unless -l $new }
}`

/** What the share looks like to a client: something must have been done to it. */
const looks = 'ls -lAR /data | sha256sum'

/** In a root of its own, whose changes nobody keeps: a link to /etc is followed on this client first. */
const run = (
  seed: number,
) => `unshare -m sh -c 'mount -t tmpfs none /mnt && mkdir /mnt/upper /mnt/work /mnt/root &&
mount -t overlay none -o lowerdir=/,upperdir=/mnt/upper,workdir=/mnt/work /mnt/root && mount --bind /data /mnt/root/data &&
mount -t tmpfs none /mnt/root/dev && exec timeout 300 chroot /mnt/root perl /root/mischief ${seed} 50' >/run/mischief 2>&1 </dev/null; :`

/** A client of its own in a network namespace of C1: what it holds is not C1's. */
const other = `ip link add mac0 link em1 type macvlan mode bridge && ip netns add other && ip link set mac0 netns other &&
ip netns exec other sh -c 'ip link set lo up; ip link set mac0 up; ip addr add 192.168.0.230/24 dev mac0
echo other >/sys/fs/nfs/net/nfs_client/identifier 2>/dev/null; mkdir -p /mnt/other'
cat >/root/holder <<'END'
use strict; use Fcntl ':flock';
open my $f, '+>>', '/mnt/other/kept/lock' or die "open: $!"; flock $f, LOCK_EX or die "lock: $!";
$| = 1; print "held\\n"; my $n = 0;
while (1) { sleep 1; $n++; (syswrite($f, "$n\\n") && eval { require IO::Handle; $f->sync }) ? print "ok $n\\n" : print "LOST $!\\n" }
END
ip netns exec other sh -c 'mount -t nfs4 -o vers=4.2 192.168.0.219:/data /mnt/other && mkdir -p /mnt/other/kept && exec perl /root/holder >/run/holder 2>&1 </dev/null' >/run/other 2>&1 </dev/null &
for second in $(seq 60); do grep -q '^ok' /run/holder 2>/dev/null && exit 0; sleep 1; done; cat /run/other /run/holder; exit 1`

beforeAll(async () => {
  await reset('clean')
  await ran(['site'], 0)
})

describe('root of a client', () => {
  it.each([1, 2, 3])(
    'changes nothing of the servers, and nobody loses a lock, whatever it does in the share (seed %i)',
    async (seed) => {
      await reset('converged')
      await on('C1', other)
      await on('C1', `cat >/root/mischief <<'END'\n${mischief}\nEND`)
      const before = { M1: await outside('M1'), M2: await outside('M2') }
      for (let part = 0; part < 4; part++) {
        const had = await on('C1', looks)
        await on('C1', run(seed * 100 + part))
        expect(await on('C1', looks), await on('C1', 'tail -n 3 /run/mischief')).not.toBe(had)
        await ran(['switchover'], 0)
        await on('C1', 'echo still works >/data/kept/written && sync /data/kept/written')
      }
      for (const node of ['M1', 'M2'] as const) expect(await outside(node)).toBe(before[node])
      expect(await on('C1', 'grep -c ^ok /run/holder; grep LOST /run/holder || :')).toMatch(
        /^\d+\n$/,
      )
      const later = await on(
        'C1',
        "cp /run/holder /run/seen; sleep 5; diff /run/seen /run/holder | grep -c '^> ok'",
      )
      expect(Number(later)).toBeGreaterThan(1)
      await ran(['verify'], 0)
    },
  )
})
