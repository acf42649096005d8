import { UsageError } from '../core/errors.ts'
import { poll } from '../core/poll.ts'
import type { CheckHost, Guard, Host, Task } from '../core/task.ts'
import { platformOf, type ServiceState } from '../platform/index.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { interrupts, type ServiceWanted, serviceDifference } from './shared/service-difference.ts'
import { outdated, stampPath, stampScript, writeStamp } from './shared/start-stamp.ts'
import { absolute, matching } from './shared/validate.ts'

/** What `service` may be told. */
export interface ServiceOptions extends ServiceWanted, TaskOptions {
  /** Files the process reads at its start: one that runs with older ones is restarted. */
  readonly restartOn?: readonly string[]
  /** Files the process reads again when it is told to reload: one that runs with older ones is told so. */
  readonly reloadOn?: readonly string[]
  /** Asked only before a restart or stop of a service that runs. */
  readonly disruptive?: Guard
}

/** A unit that runs or not, starts at boot or not, and runs with the files that are there now. */
export function service(unit: string, options: ServiceOptions): Task {
  validate(unit, options)
  const { restartOn = [], reloadOn = [], disruptive, timeoutMs = 5 * 60_000 } = options
  const files = [...restartOn, ...reloadOn.filter((path) => !restartOn.includes(path))]
  files.forEach(absolute)

  async function difference(host: CheckHost, coming: ReadonlySet<string> = new Set()) {
    const script = files.length > 0 ? stampScript(stampPath(unit), files) : undefined
    const { state, more } = await platformOf(host).services.read(host, unit, script)
    const old =
      script && options.state !== 'stopped' && !options.masked
        ? await outdated(host, state, files, more)
        : { changed: [], sums: new Map<string, string>() }
    // Whether an init script starts at boot takes a question of its own.
    const asks = state.enabled === 'generated' && options.enabled !== undefined
    const generated = asks && (await platformOf(host).services.generatedIsEnabled(host, unit))
    const now: ServiceState = asks ? { ...state, enabled: generated ? 'yes' : 'no' } : state
    const differs = files.filter((path) => old.changed.includes(path) || coming.has(path))
    const changed = {
      restart: differs.filter((path) => restartOn.includes(path)),
      reload: differs.filter((path) => !restartOn.includes(path)),
    }
    return { now, sums: old.sums, ...serviceDifference(now, options, changed) }
  }

  async function look(host: CheckHost, coming?: ReadonlySet<string>) {
    const { reasons, actions, sums } = await difference(host, coming)
    return actions.length === 0 ? undefined : { summary: reasons.join('; '), actions, sums }
  }

  return resource(titleOf(unit, options), options, {
    timeoutMs,
    ...(disruptive && {
      // The engine asks before any change of this task; only some of them interrupt anything.
      disruptive: async (host: CheckHost) => {
        const fresh = await difference(host)
        if (interrupts(fresh.now, fresh)) await disruptive(host)
      },
    }),
    check: (host) => look(host),
    foresee: async (host, found, coming) =>
      files.some((path) => coming.has(path)) ? look(host, coming) : found,
    async apply(host, { actions, sums }) {
      for (const action of actions) {
        host.progress(`${action} ${unit}`)
        await platformOf(host).services[action](host, unit)
        if (!['start', 'restart', 'reload'].includes(action)) continue
        const { invocation } = await untilUp(host, unit)
        if (files.length > 0) await writeStamp(host, unit, invocation, sums)
      }
    },
  })
}

/** Polls until the unit runs; the task's own time-out ends the wait. */
async function untilUp(host: Host, unit: string): Promise<ServiceState> {
  const manager = platformOf(host).services
  const look = async () => {
    const { state } = await manager.read(host, unit)
    if (state.active === 'running') return state
    // `auto-restart` means that it started, failed, and would fail again and again.
    if (state.active !== 'starting' || state.words.includes('auto-restart')) {
      const words = await manager.lastWords(host, unit)
      throw new Error(
        `Expected ${unit} to run after its start, got ${state.words}\n${words}`.trim(),
      )
    }
    host.progress(`${unit} is ${state.words}`)
    return undefined
  }
  return poll(look, { everyMs: 500, signal: host.signal, what: `start of ${unit}` })
}

function validate(unit: string, options: ServiceOptions): void {
  matching(unit, /^[\w@:.\\][\w@:.\\-]*$/, 'the name of a unit')
  if (options.masked && (options.state === 'running' || options.enabled)) {
    throw new UsageError(`Expected ${unit} to be either masked or running or enabled, got both`)
  }
  const { state, enabled, masked, restartOn, reloadOn } = options
  if ([state, enabled, masked, restartOn, reloadOn].every((option) => option === undefined)) {
    throw new UsageError(
      `Expected state, enabled, masked, restartOn or reloadOn for ${unit}, got none`,
    )
  }
}

function titleOf(unit: string, options: ServiceOptions): string {
  const { state, enabled, masked, restartOn, reloadOn } = options
  if (masked) return `service ${unit} masked`
  const parts = [
    masked === false && 'unmasked',
    state,
    enabled !== undefined && (enabled ? 'enabled' : 'disabled'),
    !state && (restartOn || reloadOn) && 'up to date',
  ].filter(Boolean)
  return `service ${unit} ${parts.join(', ')}`
}
