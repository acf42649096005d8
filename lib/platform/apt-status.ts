/** How far an installation is: `fraction` is 0 to 1. */
export interface AptProgress {
  readonly fraction: number
  readonly text: string
}

/** Downloads count for the first quarter: on a slow machine unpacking takes far longer. */
const downloadShare = 0.25

/** Reads one line of APT's status descriptor; undefined for those without progress. */
export function parseAptStatus(line: string): AptProgress | undefined {
  const match = /^(dlstatus|pmstatus):[^:]*(?::[a-z0-9]+)?:(\d+(?:\.\d+)?):(.*)$/.exec(line)
  if (!match) return undefined
  const [, kind, percent = '', text = ''] = match
  const done = Math.min(Number(percent) / 100, 1)
  const fraction =
    kind === 'dlstatus' ? done * downloadShare : downloadShare + done * (1 - downloadShare)
  return { fraction, text: text.trim() }
}
