export { debian12 } from './debian12.ts'
export { parseOsRelease, platformIs, platformOf } from './os-release.ts'
export type * from './platform.ts'
