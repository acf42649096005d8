import { beforeAll, expect, it } from 'vitest'
import { drill } from './drilling.ts'
import { on, ran, reset, story } from './tandem.ts'

const nodes = ['M1', 'M2'] as const
/** Not the whole of site: that would keep what it made of a spoilt pair as `converged`. */
const site = ['site', '--limit', 'nodes', '--diff']

/** What no one but root may ever see: the key of heartbeat's lines, DRBD's secret, and the word for the peer's switch. */
const collect = `umask 077; { sed -n 's/.*shared-secret "\\(.*\\)";/\\1/p' /etc/drbd.d/*.res; sed -n 's/^[0-9]* [a-z0-9]* //p' /etc/ha.d/authkeys; cat /etc/tandem/fencing.secret; } | sort -u >/root/secrets; wc -l </root/secrets`

/** Looks at the words and the environment of every process, some ten times a second; notes where, and the first word. */
const sampler = `open my $f, "<", "/root/secrets"; chomp(my @secrets = <$f>); $| = 1;
sub text { open my $g, "<", $_[0] or return ""; local $/; return <$g> // "" }
for (;;) {
  for my $process (glob "/proc/[0-9]*") {
    my $words = text("$process/cmdline");
    my ($first) = split /\0/, $words;
    for my $secret (@secrets) {
      print "cmdline $first\n" if index($words, $secret) >= 0;
      print "environ $first\n" if index(text("$process/environ"), $secret) >= 0;
    }
  }
  select undef, undef, undef, 0.05;
}`
const sample = `echo ${Buffer.from(sampler).toString('base64')} | base64 -d >/root/sampler; nohup perl /root/sampler >/root/seen 2>/dev/null </dev/null & :`
/** Every word that drbdsetup is given is noted: it ends sooner than the sampler looks. */
const noted = `mkdir /lib/drbd/real && mv /lib/drbd/drbdsetup-84 /lib/drbd/real/ && cat >/lib/drbd/drbdsetup-84 <<'END' && chmod 755 /lib/drbd/drbdsetup-84
#!/bin/sh
echo "$*" >>/root/drbdsetup-words
exec /lib/drbd/real/drbdsetup-84 "$@"
END`
const shown = 'grep -cF -f /root/secrets /root/drbdsetup-words; :'

/** A process that does what none may do. */
const indiscreet = `perl -e 'open my $f, "<", "/root/secrets"; chomp(my $word = <$f>); exec { "sleep" } $word, 2'; cat /root/seen; : >/root/seen`

beforeAll(async () => {
  await reset('clean')
  await ran(['site'], 0)
})

it('a secret is in no environment, journal, log, report or difference, in no argument, and in no file that others may read', async () => {
  const secrets = new Set<string>()
  for (const node of nodes) {
    expect(Number(await on(node, collect))).toBe(3)
    for (const secret of (await on(node, 'cat /root/secrets')).trim().split('\n')) {
      expect(secret.length).toBeGreaterThan(7)
      secrets.add(secret)
    }
    await on(node, noted)
    await on(node, sample)
    expect(await on(node, indiscreet)).toMatch(/^cmdline /m)
  }

  const told: string[] = []
  const drilled = await drill('--only', 'standby', '--skip-compare')
  expect(drilled.code, drilled.told).toBe(0)
  told.push(drilled.told, JSON.stringify([drilled.rows, drilled.rounds]))
  // Written anew, with its difference shown; a check can go on without the first alone.
  await on('M2', 'echo 1 >>/etc/ha.d/authkeys')
  const looked = await ran([...site, '--check'], 0)
  await on('M2', 'rm /etc/drbd.d/drbd.res /etc/tandem/fencing.secret')
  const written = await ran(site, 0)
  for (const { run } of [looked, written]) {
    told.push(story(run), run.stderr, JSON.stringify(run.events))
  }
  const { run: seen } = await ran(['verify'], 0)
  told.push(story(seen), JSON.stringify(seen.events))
  // A start that fails: the line that DRBD needs has no address.
  const standby = (await on('M1', 'cat /proc/drbd')).includes('ro:Primary') ? 'M2' : 'M1'
  await on(
    standby,
    'systemctl stop heartbeat; drbdadm down all; ip addr flush dev em3; systemctl restart tandem-drbd || :; journalctl --sync',
  )
  told.push((await ran(['verify'], 2)).said)

  for (const secret of secrets) expect(told.join('\n')).not.toContain(secret)
  for (const node of nodes) {
    expect(await on(node, 'cat /root/seen')).toBe('')
    expect(await on(node, 'wc -l </root/drbdsetup-words')).toMatch(/[1-9]/)
    expect(await on(node, shown)).toBe('0\n')
    expect(
      await on(
        node,
        'journalctl --no-pager | grep -cF -f /root/secrets; dmesg | grep -cF -f /root/secrets; :',
      ),
    ).toBe('0\n0\n')
    const holding = await on(
      node,
      "grep -rlsF -D skip -f /root/secrets /etc /var /run /tmp /usr/local /root | grep -vx /root/secrets | sort | xargs stat -c '%n %U %a'",
    )
    expect(holding.trim().split('\n')).toEqual([
      '/etc/drbd.d/drbd-state.res root 600',
      '/etc/drbd.d/drbd.res root 600',
      '/etc/ha.d/authkeys root 600',
      '/etc/tandem/fencing.secret root 600',
    ])
  }
  // What an administrator types shows the secret: so the looking above could have seen it.
  const serving = standby === 'M1' ? 'M2' : 'M1'
  await on(serving, 'drbdadm disconnect drbd; drbdadm connect drbd')
  expect(Number(await on(serving, shown))).toBeGreaterThan(0)
})
