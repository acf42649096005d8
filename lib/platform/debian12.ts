import { apt } from './apt.ts'
import type { Platform } from './platform.ts'
import { systemd } from './systemd.ts'

/** Debian 12, "bookworm". */
export const debian12: Platform = {
  name: 'debian12',
  recognises: (release) => release.ID === 'debian' && release.VERSION_ID === '12',
  packages: apt,
  services: systemd,
}
