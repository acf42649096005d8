/** The time in milliseconds since the epoch, to 0.01: most checks take less than one. It never goes back. */
export function now(): number {
  return hundredths(performance.timeOrigin + performance.now())
}

/** Milliseconds without the digits that subtracting two times since the epoch leaves. */
export function hundredths(ms: number): number {
  return Math.round(ms * 100) / 100
}
