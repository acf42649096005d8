export { debian12 } from './debian12.ts'
export { parseOsRelease, platformIs, platformNamed } from './os-release.ts'
export type * from './platform.ts'

import { debian12 } from './debian12.ts'
import type { Platform } from './platform.ts'

/** The platform that resources are made for; the place to choose when there is a second one. */
export function currentPlatform(): Platform {
  return debian12
}
