import { quote } from '../../core/quote.ts'
import { sections } from '../../core/sections.ts'
import type { CheckHost, Host, Output } from '../../core/task.ts'
import type { ServiceState } from '../../platform/index.ts'
import { parseSums, type Sums } from './sums.ts'

/**
 * Clocks of kernel and manager differ by some milliseconds, so a file changed this close before
 * a start counts as changed after it: a needless restart is better than a lost one.
 */
const margin = 0.02

/** Where the stamp of a unit's last start by us lies; /run is empty after a reboot. */
export function stampPath(unit: string): string {
  return `/run/tandem/${unit}.started`
}

/** A script that prints the stamp, if there is one, and the sums of the files. */
export function stampScript(stamp: string, files: readonly string[]): string {
  // Read by the shell itself: one process less than `cat`.
  return `
echo '--- stamp'
if [ -r ${quote(stamp)} ]; then while IFS= read -r l; do printf '%s\\n' "$l"; done < ${quote(stamp)}; fi
echo '--- sums'
exec sha256sum -- ${files.map(quote).join(' ')}`
}

/** The text of a stamp. */
export function stampText(invocation: string, sums: Sums): string {
  return [invocation, ...[...sums].map(([path, sum]) => `${sum}  ${path}`), ''].join('\n')
}

/** Notes what the process that runs now was started with. */
export async function writeStamp(host: Host, unit: string, invocation: string, sums: Sums) {
  await host.quick`mkdir -p -m 0755 -- /run/tandem`
  await host.write(stampPath(unit), stampText(invocation, sums), { mode: 0o644 })
}

/**
 * The files that changed since the running process, if there is one, read them, out of what `stampScript` printed. A
 * stamp of this very start decides by content; files it does not know are judged by their times. The sums also go into
 * the stamp of a first start.
 */
export async function outdated(
  host: CheckHost,
  now: ServiceState,
  files: readonly string[],
  { stdout, stderr }: Pick<Output, 'stdout' | 'stderr'>,
): Promise<{ changed: readonly string[]; sums: Sums }> {
  const parts = sections(stdout, ['stamp', 'sums'])
  const sums = parseSums(parts.get('sums') ?? '')
  for (const file of files) {
    if (!sums.has(file)) throw new Error(`Cannot read ${file}: ${stderr.trim() || 'no answer'}`)
  }
  if (now.active !== 'running') return { changed: [], sums }
  const [invocation = '', ...rest] = (parts.get('stamp') ?? '').split('\n')
  const isSame = invocation !== '' && invocation === now.invocation
  const same = parseSums(isSame ? rest.join('\n') : '')
  const unknown = files.filter((file) => !same.has(file))
  const changed = files.filter((file) => same.has(file) && same.get(file) !== sums.get(file))
  if (unknown.length === 0) return { changed, sums }
  const answer = await host.$`
read up rest < /proc/uptime
echo "$up $(date +%s.%N)"
exec stat -L -c '%.Z %n' -- ${unknown}`
  return { changed: [...changed, ...newer(answer.stdout, now, unknown)], sums }
}

/**
 * The files changed since a service started, by two clocks: the wall clock at both moments, and
 * the age of both now. A clock that was set in between can fool one of them, not both.
 */
export function newer(text: string, now: ServiceState, files: readonly string[]): string[] {
  const [clocks = '', ...lines] = text.split('\n')
  const [uptime, wall] = clocks.split(' ').map(Number)
  if (!uptime || !wall) throw new Error(`Expected uptime and time, got ${JSON.stringify(clocks)}`)
  const age = uptime - now.startedAt / 1e6
  const changes = new Map(
    lines.filter(Boolean).map((line) => {
      const space = line.indexOf(' ')
      return [line.slice(space + 1), Number(line.slice(0, space))]
    }),
  )
  return files.filter((file) => {
    const at = changes.get(file)
    if (!at) throw new Error(`Expected when ${file} changed, got ${JSON.stringify(text)}`)
    return at > now.startedAtUnix - margin || wall - at < age + margin
  })
}
