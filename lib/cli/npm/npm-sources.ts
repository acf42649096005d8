import { readFileSync } from 'node:fs'
import { dirname, join } from 'node:path'
import type { NpmSources } from './npm-swallowed.ts'

function text(file: string): string {
  try {
    return readFileSync(file, 'utf8')
  } catch {
    return ''
  }
}

/** Reads where npm's settings can come from: its .npmrc files and the environment it was started with. */
export function npmSources(env: NodeJS.ProcessEnv): NpmSources {
  // npm exports a setting in lower case only where its own environment did not have it already.
  const setting = (name: string) =>
    env[`npm_config_${name}`] ?? env[`NPM_CONFIG_${name.toUpperCase()}`]
  const project = setting('local_prefix')
  const builtin = env.npm_execpath && join(dirname(dirname(env.npm_execpath)), 'npmrc')
  const files = [
    project && join(project, '.npmrc'),
    setting('userconfig'),
    setting('globalconfig'),
    builtin,
  ]
  const inherited = npmEnvironment(env.npm_lifecycle_event)
  return {
    npmrc: files.flatMap((file) => (file ? [text(file)] : [])),
    ...(inherited && { inherited }),
  }
}

/** The environment of the nearest ancestor that is not yet inside this script, which is npm. */
function npmEnvironment(script: string | undefined): Record<string, string> | undefined {
  let pid = process.ppid
  for (let level = 0; level < 5 && pid > 1; level++) {
    const environ = text(`/proc/${pid}/environ`)
    if (environ === '') return undefined
    const env = Object.fromEntries(
      environ.split('\0').map((pair) => {
        const equals = pair.indexOf('=')
        return [pair.slice(0, equals), pair.slice(equals + 1)]
      }),
    )
    if (env.npm_lifecycle_event !== script) return env
    const stat = text(`/proc/${pid}/stat`)
    // The second field is the program's name in brackets, which may hold blanks.
    pid = Number(stat.slice(stat.lastIndexOf(')') + 2).split(' ')[1])
  }
  return undefined
}
