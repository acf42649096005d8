import { beforeAll, describe, expect, it } from 'vitest'
import { sums, writeFiles } from './state.ts'
import { connected, killer, on, play, ran, reset, story } from './tandem.ts'

const nodes = ['--limit', 'nodes']

/** Holds a lock and writes a line a second through it; every gap is told in tenths of a second. */
const holder = `cat >/root/holder <<'END'
use strict; use Fcntl ':flock'; use Time::HiRes 'time', 'sleep'; use IO::Handle;
open my $f, '+>>', '/data/held' or die; flock $f, LOCK_EX or die "lock: $!"; $| = 1;
my $last = time; while (1) { (syswrite($f, "x\\n") && $f->sync) or print "LOST $!\\n"; my $now = time; printf "%.1f\\n", $now - $last; $last = $now; sleep 0.1 }
END
(setsid perl /root/holder >/run/held 2>&1 </dev/null &) ; sleep 3; tail -n 1 /run/held`

beforeAll(async () => {
  await reset('clean')
  await ran(['site', '--inventory', 'stateless'], 0)
})

describe('a living pair whose state is in the share', () => {
  it('gets a disk for it by site, however often that is killed: one stall, all files and the lock kept', async () => {
    const files = await writeFiles(50, 'before')
    await on('C1', holder)
    expect(await on('M1', 'ls -A /data')).toContain('.nfsdcld')
    for (const at of [
      /^drbd\/config: metadata on .*lv_state/,
      /^drbd\/config: file .*drbd-state\.res/,
      /^drbd\/init: resource drbd-state is up/,
      /^drbd\/init: ext4 on \/dev\/drbd1/,
      /^integrate\/resources: file .*tandem-nfs/,
      /^integrate\/restart: the service keeps its state/,
    ]) {
      const { state, watch } = killer(at)
      const killed = await play(['site', ...nodes], watch)
      expect(state.killed, `${at} ${story(killed)}`).toBe(true)
    }
    const run = await play(['site', ...nodes])
    expect(run.code, story(run)).toBe(0)
    for (const node of ['M1', 'M2']) await connected(node)
    await ran(['verify'], 0)
    const gaps = (await on('C1', 'cat /run/held')).trim().split('\n')
    expect(gaps.filter((line) => line.startsWith('LOST'))).toEqual([])
    // Fewer gaps than two: the move, and nothing else made clients wait.
    expect(gaps.filter((line) => Number(line) > 1.5).length, gaps.join(' ')).toBeLessThan(2)
    expect(await on('C1', 'flock -n /data/held true && echo free || echo held')).toBe('held\n')
    expect(await sums('before')).toBe(files)
    // Its memory went along: the next move keeps the lock too.
    await ran(['switchover'], 0)
    await on('C1', 'sleep 15')
    expect(await on('C1', 'grep LOST /run/held || echo none')).toBe('none\n')
    expect(await on('C1', 'flock -n /data/held true && echo free || echo held')).toBe('held\n')
  })
})
