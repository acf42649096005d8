import { type Batch, inBatch } from '../core/batch.ts'
import { sections } from '../core/sections.ts'
import type { CheckHost, Host } from '../core/task.ts'
import { explainApt, staleLists } from './apt-errors.ts'
import { parseAptStatus } from './apt-status.ts'
import { dpkgFormat, parseDpkgQuery } from './dpkg.ts'
import type { InstallOptions, PackageManager, PackageState } from './platform.ts'

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

  async install(host, names, options) {
    await holdBack(host, options)
    await repair(host)
    const advised = await updateAdvised(host, names)
    let outdated = advised ? await update(host) : undefined
    let failure = await installOnce(host, names)
    if (failure !== undefined && !advised && staleLists(failure)) {
      outdated = await update(host)
      failure = await installOnce(host, names)
    }
    if (failure === undefined) return
    const lists = outdated ? ` (its package lists could not be updated: ${outdated})` : ''
    throw new Error(`Cannot install ${names.join(', ')}: ${explainApt(failure)}${lists}`)
  },
}

/** A runtime mask ends at the next boot, so a run that is killed here leaves nothing behind. */
async function holdBack(host: Host, { noStart }: InstallOptions): Promise<void> {
  if (noStart.length > 0) await host.sh`systemctl mask --runtime --quiet -- ${noStart}`
}

/** Ends an interrupted installation; dpkg keeps a journal of what it was doing. */
async function repair(host: Host): Promise<void> {
  const done = await host.sh`
set -- /var/lib/dpkg/updates/[0-9]*
if [ ! -e "$1" ] && [ -z "$(dpkg --audit)" ]; then exit 0; fi
DEBIAN_FRONTEND=noninteractive dpkg --configure -a --force-confdef --force-confold </dev/null 1>&2`.nothrow()
  if (done.exitCode !== 0) {
    throw new Error(`Cannot end an interrupted installation: ${explainApt(done.stderr)}`)
  }
}

/**
 * Whether to fetch new package lists: they are more than a day old and something must be
 * downloaded. Packages that already lie on the host need no network at all.
 */
async function updateAdvised(host: Host, names: readonly string[]): Promise<boolean> {
  const answer = await host.sh`
echo '--- recent'
find /var/lib/apt/lists -maxdepth 0 -mtime -1
echo '--- downloads'
apt-get -qq --print-uris --no-install-recommends install -- ${names}`.nothrow()
  if (answer.exitCode !== 0) return staleLists(answer.stderr)
  const parts = sections(answer.stdout, ['recent', 'downloads'])
  return parts.get('recent') === '' && parts.get('downloads')?.trim() !== ''
}

/** Fetches package lists; gives why it could not. Old ones may do, so that is no failure yet. */
async function update(host: Host): Promise<string | undefined> {
  host.progress('package lists', 0)
  // Without the error mode, apt-get counts a source that does not answer as a success.
  const done = await host.sh`
apt-get update -q -oDPkg::Lock::Timeout=600 -oAPT::Update::Error-Mode=any </dev/null && touch /var/lib/apt/lists`.nothrow()
  if (done.exitCode === 0) return undefined
  const why = explainApt(done.stderr)
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
