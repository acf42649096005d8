import { Refusal } from '../core/errors.ts'
import { requirement, type Task } from '../core/task.ts'
import { debian12 } from './debian12.ts'
import type { OsRelease, Platform, PlatformName } from './platform.ts'

const platforms: Readonly<Record<PlatformName, Platform>> = { debian12 }

/** The platform with this name. */
export function platformNamed(name: PlatformName): Platform {
  return platforms[name]
}

/** Reads /etc/os-release: shell assignments, quoted or not. */
export function parseOsRelease(text: string): OsRelease {
  const fields: Record<string, string> = {}
  for (const line of text.split('\n')) {
    const match = /^([A-Z][A-Z0-9_]*)=(?:"(.*)"|'(.*)'|(.*))$/.exec(line.trim())
    if (match?.[1]) fields[match[1]] = match[2] ?? match[3] ?? match[4] ?? ''
  }
  return fields
}

/** Refuses a host that runs anything but this distribution. */
export function platformIs(name: PlatformName): Task {
  const wanted = platformNamed(name)
  return requirement(`runs ${name}`, async (host) => {
    const release = parseOsRelease((await host.$`cat /etc/os-release`).stdout)
    if (wanted.recognises(release)) return
    const got = release.PRETTY_NAME ?? release.ID ?? 'an unnamed system'
    throw new Refusal(`Expected ${host.name} to run ${name}, got ${got}`)
  })
}
