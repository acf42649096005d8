import { parseEnv } from 'node:util'
import { Refusal } from '../core/errors.ts'
import type { PlatformName } from '../core/platform-name.ts'
import { type CheckHost, requirement, type Task } from '../core/task.ts'
import { debian12 } from './debian12.ts'
import type { OsRelease, Platform } from './platform.ts'

const platforms: Readonly<Record<PlatformName, Platform>> = { debian12 }

/** What a host's distribution calls things. */
export function platformOf({ platform }: Pick<CheckHost, 'platform'>): Platform {
  return platforms[platform]
}

/** Reads /etc/os-release: shell assignments, quoted or not, as in a .env file. */
export function parseOsRelease(text: string): OsRelease {
  return parseEnv(text) as OsRelease
}

/** Refuses a host that runs anything but this distribution. */
export function platformIs(name: PlatformName): Task {
  const wanted = platforms[name]
  return requirement(`runs ${name}`, async (host) => {
    const release = parseOsRelease((await host.$`cat /etc/os-release`).stdout)
    if (wanted.recognises(release)) return
    const got = release.PRETTY_NAME ?? release.ID ?? 'an unnamed system'
    throw new Refusal(
      `Expected ${host.name} to run ${name}, as hosts.${host.name}.platform of the inventory says, got ${got}`,
    )
  })
}
