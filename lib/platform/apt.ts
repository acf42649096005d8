import { type Batch, inBatch } from '../core/batch.ts'
import { Refusal } from '../core/errors.ts'
import { poll } from '../core/poll.ts'
import { sections } from '../core/sections.ts'
import type { CheckHost, Host } from '../core/task.ts'
import { explainApt, isLocked, staleLists } from './apt-errors.ts'
import { parseAptStatus } from './apt-status.ts'
import { dpkgFormat, parseDpkgQuery } from './dpkg.ts'
import type { PackageManager, PackageState } from './platform.ts'

/** Answers every question with its default and keeps configuration files that exist. */
const quiet = [
  '-y',
  '--no-install-recommends',
  ...['Dpkg::Options::=--force-confdef', 'Dpkg::Options::=--force-confold'],
  ...['DPkg::Lock::Timeout=600', 'Dpkg::Use-Pty=0', 'APT::Status-Fd=3'],
].map((option) => (option.includes('=') ? `-o${option}` : option))

/** dpkg-query reads its whole database for a single name, so it is asked for all at once. */
const packageStates: Batch<readonly string[], States> = {
  alone: statesOf,
  all: async (host, lists) => {
    const states = await statesOf(host, [...new Set(lists.flat())])
    return lists.map((list) => new Map([...states].filter(([name]) => list.includes(name))))
  },
}

type States = ReadonlyMap<string, PackageState>

async function statesOf(host: CheckHost, names: readonly string[]): Promise<States> {
  const answer = await host.$`dpkg-query -W -f ${dpkgFormat} -- ${names}`.nothrow()
  return parseDpkgQuery(answer, names)
}

/** Debian's dpkg and apt-get. */
export const apt: PackageManager = {
  async query(host: CheckHost, names) {
    return names.length === 0 ? new Map() : inBatch(host, packageStates, names)
  },

  async install(host, names, { noStart, replaces }) {
    // First: what an interrupted installation left is configured now, and would start its unit.
    // A runtime mask ends at the next boot, so a run that is killed here leaves nothing behind.
    if (noStart.length > 0) await host.sh`systemctl mask --runtime --quiet -- ${noStart}`
    await repair(host)
    let planned = await plan(host, names)
    const advised = isUpdateAdvised(planned)
    let outdated: string | undefined
    const renew = async () => {
      outdated = await update(host)
      planned = await plan(host, names)
    }
    if (advised) await renew()
    refuseSurprises(planned, names, replaces)
    let failure = await patiently(host, () => installOnce(host, names))
    if (failure !== undefined && !advised && staleLists(failure)) {
      await renew()
      refuseSurprises(planned, names, replaces)
      failure = await patiently(host, () => installOnce(host, names))
    }
    if (failure === undefined) return
    const lists = outdated ? ` (its package lists could not be updated: ${outdated})` : ''
    throw new Error(`Cannot install ${names.join(', ')}: ${explainApt(failure)}${lists}`)
  },

  async refuse(host, names, replaces) {
    // A check leaves no trace: APT would write what it has read of the lists into its cache.
    const traceless = ['-oDir::Cache::pkgcache=', '-oDir::Cache::srcpkgcache=']
    refuseSurprises(await plan(host, names, traceless), names, replaces)
  },
}

type Plan = Awaited<ReturnType<typeof plan>>

/** After new package lists APT builds its cache first, which takes long on a slow host. */
const planLimitMs = 300_000

/** What apt-get says that it would do, and whether its package lists are less than a day old. */
async function plan(host: CheckHost, names: readonly string[], options: readonly string[] = []) {
  const { stdout, stderr, exitCode } = await host.$`
echo '--- recent'
find /var/lib/apt/lists -maxdepth 0 -mtime -1
echo '--- said'
apt-get -q ${options} --print-uris --no-install-recommends install -- ${names} </dev/null`
    .nothrow()
    .within(planLimitMs)
  const parts = sections(stdout, ['recent', 'said'])
  return {
    failure: exitCode === 0 ? undefined : stderr,
    isRecent: parts.get('recent') !== '',
    said: parts.get('said') ?? '',
  }
}

/** New package lists are worth their time where they are old and something must be downloaded. */
function isUpdateAdvised({ failure, isRecent, said }: Plan): boolean {
  return failure === undefined ? !isRecent && /^'/m.test(said) : staleLists(failure)
}

/** What apt-get cannot do at all, it says better when it is really asked. */
function refuseSurprises(
  { failure, said }: Plan,
  names: readonly string[],
  replaces: readonly string[],
): void {
  if (failure !== undefined) return
  const listed = (heading: RegExp) =>
    [...said.matchAll(/^The following (.*):\n((?: .*\n?)+)/gm)]
      .filter(([, about = '']) => heading.test(about))
      .flatMap(([, , list = '']) => list.trim().split(/\s+/))
  const removed = listed(/REMOVED/).filter((name) => !replaces.includes(name))
  if (removed.length > 0) {
    throw new Refusal(
      `Installing ${names.join(', ')} would remove ${removed.join(', ')}: remove that yourself, or name it in \`replaces\` in the role`,
    )
  }
  const coming = listed(/will be|have been kept/)
  const there = [...said.matchAll(/^(\S+) is already the newest version/gm)].map(([, name]) => name)
  const missing = names.filter((name) => !coming.includes(name) && !there.includes(name))
  if (missing.length === 0) return
  const others = listed(/NEW/).filter((name) => !names.includes(name))
  const instead =
    others.length > 0 ? `would install ${others.join(', ')} instead` : 'finds one of them installed'
  throw new Refusal(
    `${missing.join(', ')} is no package but a name for what others provide, and apt-get ${instead}: name the package itself in the role`,
  )
}

/** How long another installation may hold a lock; APT itself waits only for dpkg's. */
const patienceMs = 600_000

/** Tries again while another process holds a lock; gives what was written where it failed. */
async function patiently(host: Host, attempt: () => Promise<string | undefined>) {
  let failure: string | undefined
  const look = async () => {
    failure = await attempt()
    if (failure === undefined || !isLocked(failure)) return true
    host.progress(`waits: ${explainApt(failure)}`)
    return undefined
  }
  const { signal } = host
  await poll(look, { everyMs: 2000, limitMs: patienceMs, signal, what: 'package lock' })
  return failure
}

/** Ends an interrupted installation; dpkg keeps a journal of what it was doing. */
async function repair(host: Host): Promise<void> {
  const failure = await patiently(host, async () => {
    const done = await host.sh`
set -- /var/lib/dpkg/updates/[0-9]*
if [ ! -e "$1" ] && [ -z "$(dpkg --audit)" ]; then exit 0; fi
DEBIAN_FRONTEND=noninteractive dpkg --configure -a --force-confdef --force-confold </dev/null 1>&2`.nothrow()
    return done.exitCode === 0 ? undefined : done.stderr
  })
  if (failure !== undefined) {
    throw new Error(`Cannot end an interrupted installation: ${explainApt(failure)}`)
  }
}

/** Fetches package lists; gives why it could not. Old ones may do, so that is no failure yet. */
async function update(host: Host): Promise<string | undefined> {
  host.progress('package lists', 0)
  // Without the error mode, apt-get counts a source that does not answer as a success.
  const failure = await patiently(host, async () => {
    const done =
      await host.sh`apt-get update -q -oAPT::Update::Error-Mode=any </dev/null && touch /var/lib/apt/lists`.nothrow()
    return done.exitCode === 0 ? undefined : done.stderr
  })
  if (failure === undefined) return undefined
  const why = explainApt(failure)
  host.progress(`package lists stay as they are: ${why}`, 0)
  return why
}

/** Runs apt-get, reporting its progress; gives what it wrote where it failed. */
async function installOnce(host: Host, names: readonly string[]): Promise<string | undefined> {
  // Status lines alone go to stdout: apt-get's own output, which explains failures, to stderr.
  const run =
    host.sh`DEBIAN_FRONTEND=noninteractive apt-get ${quiet} install -- ${names} </dev/null 3>&1 1>&2`.nothrow()
  for await (const line of run) {
    const progress = parseAptStatus(line)
    if (progress) host.progress(progress.text, progress.fraction)
  }
  const done = await run
  return done.exitCode === 0 ? undefined : done.stderr
}
