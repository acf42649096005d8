import cliTruncate from 'cli-truncate'

/** A duration for people: 0.8 s, 12 s, 3 min 5 s, 1 h 2 min. */
export function duration(ms: number): string {
  const seconds = ms / 1000
  if (seconds < 9.95) return `${seconds.toFixed(1)} s`
  const whole = Math.round(seconds)
  if (whole < 60) return `${whole} s`
  if (whole < 3600) return `${Math.floor(whole / 60)} min ${whole % 60} s`
  return `${Math.floor(whole / 3600)} h ${Math.floor((whole % 3600) / 60)} min`
}

/** "1 task", "2 tasks". */
export function counted(count: number, word: string): string {
  return `${count} ${word}${count === 1 ? '' : 's'}`
}

/** Cuts to a width in columns, with an ellipsis; some characters take two columns. */
export function cut(text: string, columns: number): string {
  return cliTruncate(text, Math.max(1, columns))
}
