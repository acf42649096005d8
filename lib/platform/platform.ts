import type { PlatformName } from '../core/platform-name.ts'
import type { CheckHost, Host, Output } from '../core/task.ts'

/**
 * What differs between distributions. A second one is a second file beside `debian12.ts` that
 * fills this in; resources name no distribution.
 */
export interface Platform {
  readonly name: PlatformName
  /** Whether this is the distribution that /etc/os-release describes. */
  recognises(release: OsRelease): boolean
  readonly packages: PackageManager
  readonly services: ServiceManager
}

/** The fields of /etc/os-release. */
export type OsRelease = Readonly<Record<string, string>>

/** How a package stands: `broken` is anything between absent and installed. */
export type PackageState = 'installed' | 'absent' | 'broken'

/** Finds and installs packages. */
export interface PackageManager {
  /** How each of the named packages stands, with one question. */
  query(host: CheckHost, names: readonly string[]): Promise<ReadonlyMap<string, PackageState>>
  /**
   * Installs the named packages without their recommendations, after repairing an interrupted
   * installation; throws one clear sentence where that fails.
   */
  install(host: Host, names: readonly string[], options: InstallOptions): Promise<void>
  /** Throws where an installation would remove packages that `replaces` does not name, or install another under a name. */
  refuse(host: CheckHost, names: readonly string[], replaces: readonly string[]): Promise<void>
}

/** What an installation must heed. */
export interface InstallOptions {
  /** Units that must not start when their package is installed. */
  readonly noStart: readonly string[]
  /** Packages that may be removed for it. */
  readonly replaces: readonly string[]
}

/** How a unit stands; times are in microseconds since boot, and 0 for "never". */
export interface ServiceState {
  readonly unit: string
  readonly exists: boolean
  /** `runtime` ends at the next boot. */
  readonly masked: 'no' | 'runtime' | 'permanent'
  readonly active: 'running' | 'stopped' | 'failed' | 'starting' | 'stopping'
  /** `fixed` units have nothing to enable; `generated` ones come from an init script. */
  readonly enabled: 'yes' | 'no' | 'runtime' | 'fixed' | 'generated' | 'unknown'
  /** Changes at each start; empty while it does not run. */
  readonly invocation: string
  readonly startedAt: number
  /** The host's wall clock at the start, in seconds since 1970. */
  readonly startedAtUnix: number
  /** The manager's own words, for messages. */
  readonly words: string
}

/** One step that can be taken with a unit; at `reload` its process reads its configuration again and goes on. */
export type ServiceAction =
  | 'unmask'
  | 'enable'
  | 'disable'
  | 'stop'
  | 'start'
  | 'restart'
  | 'reload'
  | 'mask'

/** Asks for and changes the state of units. */
export interface ServiceManager
  extends Record<ServiceAction, (host: Host, unit: string) => Promise<void>> {
  /** How a unit stands; `more` is a script whose output comes back too, in the same question. */
  read(
    host: CheckHost,
    unit: string,
    more?: string,
  ): Promise<{ state: ServiceState; more: Pick<Output, 'stdout' | 'stderr'> }>
  /** Whether a unit that comes from an init script starts at boot. */
  generatedIsEnabled(host: CheckHost, unit: string): Promise<boolean>
  /** The last lines the unit logged. */
  lastWords(host: CheckHost, unit: string): Promise<string>
}
