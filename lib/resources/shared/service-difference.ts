import type { ServiceAction, ServiceState } from '../../platform/index.ts'

/** How a service shall be; what is not named is left as it is. */
export interface ServiceWanted {
  readonly state?: 'running' | 'stopped'
  readonly enabled?: boolean
  /** true: stopped, and nothing can start it, reboots included. false: any mask is lifted. */
  readonly masked?: boolean
}

/**
 * The steps from a unit's state to the wanted one, in order, and why. `changed` are the files that a running one has
 * not read since: those it reads at its start, and those it can read again.
 */
export function serviceDifference(
  now: ServiceState,
  wanted: ServiceWanted,
  changed: { readonly restart: readonly string[]; readonly reload: readonly string[] },
) {
  const reasons: string[] = []
  const actions: ServiceAction[] = []
  const add = (action: ServiceAction, reason: string) => {
    actions.push(action)
    reasons.push(reason)
  }

  if (wanted.masked) {
    if (isUp(now)) add('stop', `is ${now.words}, stops`)
    if (now.masked !== 'permanent') add('mask', 'is masked permanently')
    return { reasons, actions }
  }
  if (!now.exists) throw new Error(`Unit ${now.unit} does not exist; is its package installed?`)

  const wantsUnmasked = wanted.state === 'running' || wanted.enabled !== undefined
  if (now.masked === 'permanent' && wanted.masked === undefined && wantsUnmasked) {
    throw new Error(
      `Unit ${now.unit} is masked permanently, so an administrator decided that it must not start. To unmask it, write \`masked: false\` in the role`,
    )
  }
  const lifts = now.masked !== 'no' && (wanted.masked === false || wantsUnmasked)
  if (lifts) add('unmask', now.masked === 'runtime' ? 'mask until reboot is lifted' : 'unmasked')
  addEnablement(now, wanted, lifts, add)

  if (wanted.state === 'stopped' && isUp(now)) add('stop', `is ${now.words}, stops`)
  if (wanted.state === 'running' && now.active !== 'running')
    add('start', `is ${now.words}, starts`)
  const all = [...changed.restart, ...changed.reload]
  if (wanted.state !== 'stopped' && now.active === 'running' && all.length > 0) {
    const older = `runs with an older ${all.join(', ')}`
    if (changed.restart.length > 0) add('restart', `${older}, restarts`)
    else add('reload', `${older}, reloads`)
  }
  return { reasons, actions }
}

/** Whether these steps interrupt a service that runs now. */
export function interrupts(now: ServiceState, { actions }: ReturnType<typeof serviceDifference>) {
  return isUp(now) && (actions.includes('stop') || actions.includes('restart'))
}

const isUp = ({ active }: ServiceState) => active !== 'stopped' && active !== 'failed'

function addEnablement(
  now: ServiceState,
  wanted: ServiceWanted,
  lifts: boolean,
  add: (action: ServiceAction, reason: string) => void,
): void {
  if (wanted.enabled === undefined) return
  if (wanted.enabled && now.enabled === 'fixed') {
    throw new Error(`Unit ${now.unit} has no [Install] section, so nothing can enable it`)
  }
  // Under a mask the state cannot be told; enabling what is enabled does no harm.
  const untold = now.enabled === 'unknown' || (lifts && now.masked === 'permanent')
  if (wanted.enabled && (untold || now.enabled !== 'yes')) add('enable', 'starts at boot')
  const off = now.enabled === 'no' || now.enabled === 'fixed'
  if (!wanted.enabled && (untold || !off)) add('disable', 'does not start at boot')
}
