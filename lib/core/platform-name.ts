/** The distributions that a host may run; `lib/platform` has a file for each. */
export const platformNames = ['debian12'] as const
export type PlatformName = (typeof platformNames)[number]

/** What a host runs whose inventory does not say. */
export const usualPlatform: PlatformName = 'debian12'
