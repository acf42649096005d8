import { afterAll, beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sums, writeFiles } from './state.ts'
import {
  complaints,
  connected,
  lab,
  on,
  play,
  ran,
  reset,
  settled,
  story,
  until,
} from './tandem.ts'

const vip = '192.168.0.219'

const serves = (host: string, seconds = 180) =>
  until(host, `ip -o -4 addr show em1 | grep -q '${vip}/' && [ -s /run/tandem/serving ]`, seconds)

beforeAll(async () => {
  await reset('clean')
  // What another file left as converged may be another recipe.
  await ran(['site'], 0)
})

beforeEach(() => reset('converged'))

describe('the replication line is cut while clients write', () => {
  it('the service stays, the standby is Outdated and refuses promotion, and both are whole after healing', async () => {
    const before = await writeFiles(20, 'before')
    await lab('cut', 'em3')
    const during = await writeFiles(20, 'during')
    await until('M2', `grep -q 'ds:Outdated/' /proc/drbd`)
    await until('M1', `grep -q 'ds:UpToDate/Outdated' /proc/drbd`)
    await serves('M1', 5)
    await on('M2', '! /etc/ha.d/resource.d/tandem-disk start && grep -q ro:Secondary /proc/drbd')
    // Nor by DRBD's own word.
    await on('M2', '! drbdadm primary drbd && grep -q ro:Secondary /proc/drbd')
    const said = await play(['verify'])
    expect(complaints(said).join('\n')).toMatch(/UpToDate\/Outdated/)
    await lab('heal', 'em3')
    await connected('M2')
    expect(await sums('before')).toBe(before)
    expect(await sums('during')).toBe(during)
    const verified = await play(['verify'])
    expect(verified.code, story(verified)).toBe(0)
  })
})

describe('the active node loses its power', () => {
  it('the standby serves, and the node that returns fetches only what it missed', async () => {
    const before = await writeFiles(20, 'before')
    await lab('power-off', 'M1')
    await serves('M2')
    const after = await writeFiles(20, 'after')
    await lab('power-on', 'M1')
    await connected('M1', 300)
    const log = await on(
      'M2',
      `dmesg | grep -o 'will sync [0-9]* KB\\|Will resync [0-9]* KB' | tail -n 1`,
    )
    const kib = Number(log.match(/(\d+) KB/)?.[1])
    expect(kib).toBeGreaterThan(0)
    expect(kib).toBeLessThan(300 * 1024)
    expect(await sums('before')).toBe(before)
    expect(await sums('after')).toBe(after)
    const stamps = await on('M2', 'cat /run/tandem/phases')
    expect(stamps.match(/^[\d.]+ \S+$/gm)?.map((line) => line.split(' ')[1])).toEqual(
      // The peer is made sure of in between.
      'promote-begin fence-begin fence-end promote-end mount-begin mount-end nfsd-begin nfsd-end vip-begin vip-end'.split(
        ' ',
      ),
    )
  })

  it('a node that was away does not serve old data when it boots alone', async () => {
    await lab('power-off', 'M2')
    const newer = await writeFiles(20, 'newer')
    await lab('power-off', 'M1')
    await lab('power-on', 'M2')
    // Heartbeat gives the peer up after initdead, and wants to serve.
    await until('M2', `grep -q 'refused: this node does not become Primary' /var/log/ha-debug`, 300)
    expect(await on('M2', 'cat /proc/drbd')).toMatch(
      /ro:Secondary\/Unknown ds:(Outdated|Consistent)\//,
    )
    await lab('power-on', 'M1')
    await connected('M1', 300)
    await until('M1', `ip -o -4 addr show em1 | grep -q '${vip}/'`, 300)
    expect(await sums('newer')).toBe(newer)
  })
})

describe('the watch', () => {
  it('restarts a daemon that died, hands over what it cannot repair, and verify tells', async () => {
    await on('M1', 'kill -9 $(pidof nfsdcld)')
    await until('M1', 'pidof nfsdcld', 60)
    // One restart is its job.
    const calm = await play(['verify'])
    expect(complaints(calm).filter((line) => /watch|nfsdcld/.test(line))).toEqual([])
    await on('M1', 'rpc.nfsd 0')
    await until('M1', '[ "$(cat /proc/fs/nfsd/threads)" -gt 0 ]', 60)
    await on('M1', 'exportfs -ua')
    await until('M1', 'grep -q ^/data /var/lib/nfs/etab', 60)
    const told = await play(['verify'])
    expect(told.code).toBe(2)
    expect(complaints(told).join('\n')).toMatch(
      /M1 verify\/watch.* restart parts 3 times in the last 10/,
    )
    await on('M1', 'rpc.nfsd 0')
    await serves('M2')
    const moved = await play(['verify'])
    expect(complaints(moved).join('\n')).toMatch(
      /M1 verify\/watch.*handed the service over .* nfsd has no threads/,
    )
  })

  it('leaves the service alone where an administrator stopped heartbeat, and verify misses the watch', async () => {
    await on('M1', 'systemctl stop heartbeat')
    await serves('M2')
    await on(
      'M2',
      'systemctl stop tandem-watch; rpc.nfsd 0; sleep 15; [ "$(cat /proc/fs/nfsd/threads)" = 0 ]',
    )
    await on(
      'M1',
      'sleep 5; [ "$(cat /proc/fs/nfsd/threads)" = 0 ] && ! grep -q " /data " /proc/mounts',
    )
    const told = await play(['verify'])
    expect(complaints(told).join('\n')).toMatch(/M2 verify\/config.*tandem-watch/)
  })
})

describe('all lines between two nodes without power switches are cut', () => {
  it('a split brain is told in one sentence, never merged, and recovered with what the victim wrote', async () => {
    const unfenced = ['--inventory', 'unfenced']
    const site = await play(['site', ...unfenced])
    expect(site.code, story(site)).toBe(0)
    const told = site.events.flatMap((event) => (event.type === 'notice' ? [event.text] : []))
    expect(told.join('\n')).toMatch(/This pair has no power switches .* may be lost/)
    const before = await writeFiles(20, 'before')
    for (const link of ['em2', 'em3', 'M2.em1']) await lab('cut', link)
    const during = await writeFiles(20, 'survivor')
    await serves('M2', 240)
    await on(
      'M2',
      'mkdir /data/victim && echo only here >/data/victim/one && rm /data/before/f7 && sync',
    )
    const seen = await play(['verify', ...unfenced])
    expect(complaints(seen).join('\n')).toMatch(/split brain: M1 .* and M2 /)
    for (const link of ['em2', 'em3', 'M2.em1']) await lab('heal', link)
    // Both find themselves serving, give up, and start anew.
    const restarted = "grep -q 'Performing heartbeat restart exec' /var/log/ha-log"
    await Promise.all(['M1', 'M2'].map((host) => until(host, restarted)))
    await Promise.all([settled('M1'), settled('M2')])
    // Chance decides whether DRBD is StandAlone on one or on both, where nobody serves until this is recovered.
    const serving = await Promise.any(
      ['M1', 'M2'].map((one) => serves(one, 30).then(() => one)),
    ).catch(() => undefined)
    const idle = ['M1', 'M2'].filter((host) => host !== serving)
    for (const host of idle) {
      await until(host, `grep -q 'cs:\\(StandAlone\\|WFConnection\\)' /proc/drbd`)
    }
    const apart = await play(['verify', ...unfenced])
    const sentence = complaints(apart).find((line) => line.includes('recover-split-brain')) ?? ''
    const victim = sentence.match(/--victim (M\d)$/)?.[1] ?? ''
    if (serving) {
      const wrong = victim === 'M2' ? 'M1' : 'M2'
      await ran(['recover-split-brain', '--victim', wrong, ...unfenced], 4)
    }
    const run = await play(['recover-split-brain', '--victim', victim, ...unfenced])
    expect(run.code, story(run)).toBe(0)
    const saved = await on(
      victim,
      'cd /var/lib/tandem/split-brain/2*/ && cat list && cat files/victim/one || true',
    )
    if (victim === 'M2') {
      expect(saved).toMatch(/^saved \.\/victim\/one: M1 has nothing there$/m)
      expect(saved).toMatch(/^only M1 has \.\/before\/f7$/m)
      expect(saved).toMatch(/^only here$/m)
      expect(await sums('before')).toBe(before)
      expect(await sums('survivor')).toBe(during)
    } else expect(saved).toMatch(/^saved \.\/survivor\/f3: M2 has nothing there$/m)
    // Its clock's server was behind the cut cable, and chrony asks ever more seldom.
    await on('M2', 'chronyc -m offline online "burst 4/4" >/dev/null')
    await until('M2', "chronyc -c tracking | grep -q ',Normal$'", 240)
    const whole = await play(['verify', ...unfenced])
    expect(whole.code, story(whole)).toBe(0)
    const again = await play(['recover-split-brain', '--victim', victim, ...unfenced])
    expect(again.code, story(again)).toBe(4)
    expect(complaints(again)[0]).toMatch(/no split brain/)
  })
})

describe('the article to the letter', () => {
  beforeAll(async () => {
    expect((await lab('reset', 'converged')).code).toBe(0)
  })
  afterAll(async () => {
    await lab('reset', 'converged')
  })

  it('is built on clean machines and serves, for comparison', async () => {
    expect((await lab('reset', 'clean')).code).toBe(0)
    const run = await play(['site', '--inventory', 'literal'], () => {}, 'bench/article')
    expect(run.code, story(run)).toBe(0)
    expect(await on('C1', 'findmnt -no SOURCE /data')).toBe(`${vip}:/data\n`)
    const files = await writeFiles(5, 'literal')
    expect(await sums('literal')).toBe(files)
  })
})
