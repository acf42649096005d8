import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sums, writeFiles } from './state.ts'
import {
  complaints,
  connected,
  killer,
  lab,
  on,
  play,
  ran,
  reset,
  settled,
  story,
  until,
} from './tandem.ts'

const mounted = '/mnt/planted'

/** What both nodes have before they part. */
const base = `cd /data && mkdir -p planted/old/deep planted/kept && cd planted
  echo first >old/first; echo second >old/deep/second; echo linked >kept/linked; ln kept/linked old/linked
  for n in inplace gone replaced both quiet; do echo "$n of both" >kept/$n; done
  touch -d 2030-01-01 kept/quiet; sync`

/** Sets and shows extended attributes, ACLs among them, by the kernel's numbers of x86-64: the nodes have no tools for it. */
const attr = `use strict; my ($verb, @words) = @ARGV;
sub names { my $p = shift; my $b = "\\0" x 4096; my $n = syscall(195, $p, $b, 4096); $n > 0 ? sort split /\\0/, substr $b, 0, $n : () }
sub value { my ($p, $k) = @_; my $b = "\\0" x 4096; my $n = syscall(192, $p, $k, $b, 4096); unpack "H*", substr $b, 0, $n > 0 ? $n : 0 }
if ($verb eq "show") { my $p = $words[0]; print map { "$_=" . value($p, $_) . ";" } names($p) }
else { my ($p, $k, $v) = @words; $v = pack "H*", $v; syscall(189, $p, $k, $v, length $v, 0) == 0 or die "$p: $k: $!\\n" }`

const le = (value: number, bytes: number) => {
  const buffer = Buffer.alloc(bytes)
  buffer.writeUIntLE(value, 0, bytes)
  return buffer.toString('hex')
}
/** An ACL that gives one more user these rights, as the kernel stores it. */
const acl = (user: number, rights: number) =>
  le(2, 4) +
  [
    [0x01, 6, 0xffffffff],
    [0x02, rights, user],
    [0x04, 4, 0xffffffff],
    [0x10, 7, 0xffffffff],
    [0x20, 4, 0xffffffff],
  ]
    .map(([tag = 0, perm = 0, id = 0]) => le(tag, 2) + le(perm, 2) + le(id, 4))
    .join('')
const set = (path: string, name: string, hex: string) =>
  `perl /root/attr set ${path} ${name} ${hex}`

/** What one node does alone: all kinds of things that users, and their administrators, do. */
const alone = (who: string) => `
  ${set('kept/inplace', 'system.posix_acl_access', acl(1234, 6))}; ${set('kept', 'system.posix_acl_default', acl(77, 5))}
  mv old renamed-by-${who}; echo 'edited by ${who}' >>renamed-by-${who}/first
  mkdir -p 'only ${who}/empty folder'; cd 'only ${who}'
  echo '${who}' >"$(printf 'line\\nfeed')"; echo '${who}' >'back\\slash and \\011'; echo '${who}' >-dash
  echo '${who}' >"$(printf 'latin \\351')"; mkdir "$(printf 'folder\\nof two lines')"
  echo '${who} within' >"$(printf 'folder\\nof two lines')/file"
  dd if=/dev/urandom of=bytes bs=64k count=17 status=none; ln bytes one-more-name
  chown 1111:2222 bytes; chmod 4751 bytes
  ${set('bytes', 'user.colour', Buffer.from(who).toString('hex'))}; ${set('bytes', 'system.posix_acl_access', acl(4321, 4))}
  truncate -s 20M holes; dd if=/dev/urandom of=holes bs=4k seek=1000 count=1 conv=notrunc status=none
  ln -s '../nowhere ${who}' link; mkfifo pipe; ${set("'empty folder'", 'system.posix_acl_default', acl(99, 7))}
  cd ..
  # The same length, and the time that it had before.
  touch -r kept/inplace /run/time-of; printf X | dd of=kept/inplace bs=1 conv=notrunc status=none; touch -r /run/time-of kept/inplace
  rm kept/gone; rm kept/replaced; mkdir kept/replaced; echo '${who}' >kept/replaced/now-a-folder
  echo '${who}' >kept/both; touch -d 2030-01-01 kept/quiet kept/both; sync`

/** Every path below a folder with its kind, owner, mode, size, content, ACLs and attributes, one a line. */
const described = (host: string, folder: string) =>
  on(
    host,
    `cat >/run/describe <<'END'
cd "$1" && find . -mindepth 1 -print0 | sort -z | while IFS= read -r -d '' p; do
  sum=-; [ -f "$p" ] && [ ! -L "$p" ] && sum=$(sha256sum <"$p" | cut -c1-64)
  size=-; [ -d "$p" ] || size=$(stat -c %s -- "$p")
  printf '%s\\t%s\\n' "$(printf %s "$p" | base64 -w 0)" "$(stat -c '%F %u:%g %a' -- "$p") $size $sum $(readlink -- "$p") $(perl /root/attr show "$p")"
done
END
bash /run/describe '${folder}'`,
  )

const parsed = (text: string) =>
  new Map(
    text
      .split('\n')
      .filter((line) => line !== '')
      .map((line) => {
        const [name = '', what = ''] = line.split('\t')
        return [Buffer.from(name, 'base64').toString('latin1'), what.trim()] as const
      }),
  )

/** The contents among what was described. */
const contents = (of: Map<string, string>) =>
  new Set([...of.values()].flatMap((what) => what.match(/\b[0-9a-f]{64}\b/)?.[0] ?? []))

/**
 * Lets M2 write alone while M1 serves, as an administrator can who forces it, with a clock of its own; then the
 * lines are whole again, and DRBD finds two that went their own way.
 */
async function part(clock: string, crash: boolean) {
  await on('M1', base)
  await connected('M2')
  await on(
    'M2',
    `systemctl stop chrony && date -s '${clock}' >/dev/null && drbdadm disconnect drbd`,
  )
  await until('M1', `grep -q 'ds:UpToDate/Outdated' /proc/drbd`)
  await on('M1', `cd /data/planted && ${alone('M1')}`)
  await on(
    'M2',
    `drbdsetup primary 0 --force && mkdir -p ${mounted} && mount /dev/drbd0 ${mounted} && cd ${mounted}/planted && ${alone('M2')}`,
  )
  const [one, two] = [
    parsed(await described('M1', '/data/planted')),
    parsed(await described('M2', `${mounted}/planted`)),
  ]
  if (crash) {
    // Its journal is left to be replayed.
    await lab('power-off', 'M2')
    await lab('power-on', 'M2')
    await settled('M2')
  } else {
    await on('M2', `cd / && umount ${mounted} && drbdadm secondary drbd && drbdadm connect drbd`)
  }
  await until('M2', `grep -Eq 'cs:(StandAlone|WFConnection)' /proc/drbd`)
  await until('M1', `grep -Eq 'cs:(StandAlone|WFConnection)' /proc/drbd`)
  return { M1: one, M2: two }
}

beforeAll(async () => {
  await reset('clean')
  await ran(['site'], 0)
})

beforeEach(async () => {
  await reset('converged')
  for (const node of ['M1', 'M2']) await on(node, `cat >/root/attr <<'END'\n${attr}\nEND`)
})

describe('what each node wrote alone', () => {
  it.each([
    { victim: 'M2', survivor: 'M1', clock: '3 minutes ago', crash: true },
    { victim: 'M1', survivor: 'M2', clock: '2030-01-01', crash: false },
  ] as const)(
    'is saved from $victim whose peer has another clock, though the run was killed at six points',
    async ({ victim, survivor, clock, crash }) => {
      const served = await writeFiles(20, 'served')
      const had = await part(clock, crash)
      const words = ['recover-split-brain', '--victim', victim]
      for (const [host, at] of [
        [survivor, /^lists \d+ files/],
        [victim, /^has .* of the list/],
        [victim, /^compares with/],
        [victim, /^copies \d+ files/],
        [victim, /gives up its changes/],
        // The victim follows by then: only the end is missing.
        [survivor, /the list of .* is gone/],
      ] as const) {
        const { state, watch } = killer(at, host)
        const killed = await play(words, watch)
        expect(state.killed, `${at} ${story(killed)}`).toBe(true)
      }
      const run = await play(words)
      expect(run.code, story(run)).toBe(0)

      const [folder = '', ...others] = (await on(victim, 'ls -d /var/lib/tandem/split-brain/2*/'))
        .trim()
        .split('\n')
      // The last one that was killed had saved its files too.
      const last = others.at(-1) ?? folder
      const saved = parsed(await described(victim, `${last}files/planted`))
      const [mine, theirs] = [had[victim], had[survivor]]
      for (const sum of contents(mine)) {
        if (!contents(theirs).has(sum)) expect([...contents(saved)], sum).toContain(sum)
      }
      // What is there, is there as it was.
      for (const [name, what] of saved) expect(`${name} ${what}`).toBe(`${name} ${mine.get(name)}`)
      const own = [...mine.keys()].filter((name) => name.startsWith(`./only ${victim}`))
      expect(own.length).toBeGreaterThan(12)
      expect(own.filter((name) => !saved.has(name))).toEqual([])
      for (const name of ['inplace', 'both', 'replaced', 'replaced/now-a-folder'])
        expect([...saved.keys()]).toContain(`./kept/${name}`)
      const list = await on(victim, `cat '${last}list'`)
      expect(list).toMatch(
        new RegExp(`only ${survivor} has \\./planted/only\\\\040${survivor}/bytes`),
      )
      expect(list).toContain(`saved ./planted/kept/both: ${survivor} has a file, `)
      expect(
        await on(
          victim,
          `cd '${last}files/planted/only ${victim}' && stat -c %i bytes one-more-name | uniq | wc -l; du -k holes | cut -f1`,
        ),
      ).toMatch(/^1\n\d{1,2}\n$/)

      // The survivor has what it had, and clients go on.
      expect(parsed(await described(survivor, '/data/planted'))).toEqual(theirs)
      expect(await sums('served')).toBe(served)
      await on('M2', 'systemctl start chrony')
      await until('M2', "chronyc -c tracking | grep -q ',Normal$'")
      const whole = await play(['verify'])
      expect(whole.code, story(whole)).toBe(0)
      const again = await play(words)
      expect(again.code, story(again)).toBe(4)
      expect(complaints(again)[0]).toMatch(/no split brain/)
    },
  )

  it('is saved, and the pair led out, where both lost their power since and nobody serves', async () => {
    const had = await part('3 minutes ago', false)
    await lab('power-off', 'M1')
    await lab('power-off', 'M2')
    await lab('power-on', 'M1')
    await lab('power-on', 'M2')
    for (const node of ['M1', 'M2']) await settled(node)
    for (const node of ['M1', 'M2']) await on(node, 'grep -q ro:Secondary/ /proc/drbd')
    const run = await play(['recover-split-brain', '--victim', 'M2'])
    expect(run.code, story(run)).toBe(0)
    expect(await on('M1', 'cat /proc/drbd')).toMatch(/ro:Primary\/Secondary ds:UpToDate\/UpToDate/)
    expect(parsed(await described('M1', '/data/planted'))).toEqual(had.M1)
    const saved = await on('M2', 'cat /var/lib/tandem/split-brain/2*/list')
    expect(saved).toContain('saved ./planted/kept/both: M1 has a file, ')
    await on('M2', 'systemctl start chrony')
    await until('M2', "chronyc -c tracking | grep -q ',Normal$'")
    const whole = await play(['verify'])
    expect(whole.code, story(whole)).toBe(0)
  })
})
