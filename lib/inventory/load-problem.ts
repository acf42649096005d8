import { sentence } from '../core/errors.ts'

/** Why a TypeScript file does not load, in one line: a syntax error or what was thrown, and at which line. */
export function loadProblem(error: unknown): string {
  const [first = '', ...rest] = sentence(error).split('\n')
  // esbuild counts the errors in its first line and names each in one of its own.
  for (const line of rest) {
    const [, place, text] = /^(.+:\d+:\d+): ERROR: (.*)$/.exec(line.trim()) ?? []
    // A folder whose package.json does not say `"type": "module"`.
    if (place && text?.startsWith('Top-level await')) {
      return `expected no \`await\` outside of functions, got one at ${place}; readFileSync and execFileSync need none`
    }
    if (place) return `syntax error at ${place}: ${text}`
  }
  const thrower = /^ +at .*$/m.exec((error instanceof Error && error.stack) || '')?.[0] ?? ''
  const [, place] = /(\/[^()]+\.ts:\d+):\d+\)?$/.exec(thrower) ?? []
  return place ? `${first} (${place})` : first
}
