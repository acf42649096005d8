import type { ServiceState } from './platform.ts'

/** The properties `parseShow` needs, for `systemctl show -p`. */
export const showProperties = [
  'LoadState',
  'LoadError',
  'ActiveState',
  'SubState',
  'UnitFileState',
  'InvocationID',
  'InactiveExitTimestamp',
  'InactiveExitTimestampMonotonic',
].join(',')

const activeStates: Readonly<Record<string, ServiceState['active']>> = {
  active: 'running',
  reloading: 'running',
  inactive: 'stopped',
  failed: 'failed',
  activating: 'starting',
  deactivating: 'stopping',
}

const fileStates: Readonly<Record<string, ServiceState['enabled']>> = {
  enabled: 'yes',
  alias: 'yes',
  'enabled-runtime': 'runtime',
  disabled: 'no',
  linked: 'no',
  'linked-runtime': 'no',
  indirect: 'no',
  masked: 'no',
  static: 'fixed',
  transient: 'fixed',
  generated: 'generated',
  // What a runtime mask covers, and what there is no unit file for, cannot be told.
  'masked-runtime': 'unknown',
  '': 'unknown',
}

const masks: Readonly<Record<string, ServiceState['masked']>> = {
  masked: 'permanent',
  'masked-runtime': 'runtime',
}

/** Reads `systemctl show --timestamp=us+utc`; throws on any state it does not know. */
export function parseShow(text: string, unit: string): ServiceState {
  const lines = text.split('\n').map((line) => line.split(/=(.*)/s))
  const fields: Readonly<Record<string, string>> = Object.fromEntries(lines)
  const field = (name: string): string => {
    const value = fields[name]
    if (value === undefined)
      throw new Error(`Expected ${name} from systemctl show ${unit}, got none`)
    return value
  }
  const known = <T>(table: Readonly<Record<string, T>>, name: string): T => {
    const meaning = table[field(name)]
    if (meaning !== undefined) return meaning
    const got = JSON.stringify(field(name))
    throw new Error(`Expected a ${name} of ${unit} that Tandem knows, got ${got}`)
  }
  const load = field('LoadState')
  if (!['loaded', 'not-found', 'masked'].includes(load)) {
    const why = fields.LoadError ? `: ${fields.LoadError}` : ''
    throw new Error(`Expected unit ${unit} to be loaded, got ${load}${why}`)
  }
  const fileState = field('UnitFileState')
  return {
    unit,
    exists: load !== 'not-found',
    masked: masks[fileState] ?? 'no',
    active: known(activeStates, 'ActiveState'),
    enabled: known(fileStates, 'UnitFileState'),
    invocation: field('InvocationID'),
    startedAt: Number(field('InactiveExitTimestampMonotonic')),
    startedAtUnix: seconds(field('InactiveExitTimestamp'), unit),
    words: `${field('ActiveState')} (${field('SubState')})`,
  }
}

/** `Tue 2024-05-14 09:26:53.589793 UTC` as seconds since 1970; 0 for "never". */
function seconds(text: string, unit: string): number {
  if (text === '' || text === 'n/a') return 0
  const match = /^\S+ (\d{4}-\d\d-\d\d) (\d\d:\d\d:\d\d(?:\.\d+)?) UTC$/.exec(text)
  const time = match ? Date.parse(`${match[1]}T${match[2]}Z`) : Number.NaN
  if (Number.isNaN(time)) throw new Error(`Expected a start time of ${unit} in UTC, got ${text}`)
  return time / 1000
}
