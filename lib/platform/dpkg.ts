import type { Output } from '../core/task.ts'
import type { PackageState } from './platform.ts'

/** The `dpkg-query -f` format that `parseDpkgQuery` reads. */
// biome-ignore lint/suspicious/noTemplateCurlyInString: these are dpkg's own variables
export const dpkgFormat = '${Package} ${db:Status-Want} ${db:Status-Status} ${db:Status-Eflag}\\n'

/**
 * Reads dpkg-query's answer for the named packages. Half-installed, unpacked, half-configured and
 * trigger states are `broken`; what only left its configuration behind is `absent`.
 */
export function parseDpkgQuery(
  answer: Output,
  names: readonly string[],
): ReadonlyMap<string, PackageState> {
  // 1 means that some of the names are unknown to dpkg, which is an answer; 2 means trouble.
  if (answer.exitCode !== 0 && answer.exitCode !== 1) {
    throw new Error(`dpkg-query failed: ${answer.stderr.trim() || `exit code ${answer.exitCode}`}`)
  }
  const states = new Map<string, PackageState>(names.map((name) => [name, 'absent']))
  const told = new Set<string>()
  for (const line of answer.stdout.split('\n').filter(Boolean)) {
    const [name = '', , status = '', flag = ''] = line.split(' ')
    if (!states.has(name) || flag === '') {
      throw new Error(`Expected a package status from dpkg-query, got ${JSON.stringify(line)}`)
    }
    told.add(name)
    // Of a package in two architectures, the better one counts unless one is broken.
    const state = stateOf(status, flag)
    if (states.get(name) === 'absent' || state === 'broken') states.set(name, state)
  }
  // It also warns of what is wrong with its database elsewhere, which answers nothing here.
  const warnings = answer.stderr.split('\n')
  for (const name of names) {
    if (told.has(name) || warnings.some((line) => line.endsWith(` matching ${name}`))) continue
    throw new Error(`dpkg-query failed: ${answer.stderr.trim() || `it says nothing of ${name}`}`)
  }
  return states
}

function stateOf(status: string, flag: string): PackageState {
  if (status === 'not-installed' || status === 'config-files') return 'absent'
  return status === 'installed' && flag === 'ok' ? 'installed' : 'broken'
}
