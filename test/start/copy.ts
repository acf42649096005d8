import { spawn } from 'node:child_process'
import {
  cpSync,
  mkdirSync,
  mkdtempSync,
  readdirSync,
  readFileSync,
  rmSync,
  symlinkSync,
  writeFileSync,
} from 'node:fs'
import { tmpdir } from 'node:os'
import { dirname, join, resolve } from 'node:path'

const repository = resolve(import.meta.dirname, '../..')

/** How a command ended, and what the launcher said of its own way apart from the rest. */
export interface Started {
  readonly stdout: string
  readonly stderr: string
  readonly code: number | null
  readonly way: string
}

/** A repository of its own with this one's lib, one role and one playbook, to be edited and damaged. */
export class Copy {
  readonly path = mkdtempSync(join(tmpdir(), 'tandem-start-'))
  readonly cache = join(this.path, 'node_modules/.cache')

  constructor() {
    for (const name of ['lib', 'package.json', 'tsconfig.json']) {
      cpSync(join(repository, name), join(this.path, name), { recursive: true })
    }
    const modules = join(repository, 'node_modules')
    mkdirSync(join(this.path, 'node_modules'))
    for (const name of readdirSync(modules)) {
      if (name.startsWith('.')) continue
      const [from, to] = [join(modules, name), join(this.path, 'node_modules', name)]
      // One that can be edited without harm to the others.
      if (name === 'yargs-parser') cpSync(from, to, { recursive: true })
      else symlinkSync(from, to)
    }
    this.write('inventory/lab.ts', inventory('lab'))
    this.write('roles/one.ts', role('one'))
    this.write('playbooks/site.ts', playbook('site'))
  }

  write(file: string, text: string): void {
    mkdirSync(dirname(join(this.path, file)), { recursive: true })
    writeFileSync(join(this.path, file), text)
  }

  edit(file: string, change: (text: string) => string): void {
    this.write(file, change(readFileSync(join(this.path, file), 'utf8')))
  }

  /** The kept file of that kind. */
  kept(kind: 'bundle' | 'code'): string {
    const folder = join(this.cache, 'tandem')
    const name = readdirSync(folder).find((one) => one.endsWith(`.${kind}`))
    return join(folder, name ?? `there is no ${kind}`)
  }

  /** Runs the launcher, or the sources as without it. */
  run(line: string, more: { env?: object; sources?: boolean; said?: (way: string) => void } = {}) {
    const way = more.sources ? ['--import', 'tsx', 'lib/cli/main.ts'] : ['lib/launch/start.cjs']
    const clean = Object.entries(process.env).filter(([key]) => !/^(npm_|tandem_)/i.test(key))
    const child = spawn(process.execPath, [...way, ...line.split(' ')], {
      cwd: this.path,
      env: { ...Object.fromEntries(clean), TANDEM_DEBUG: '1', ...more.env },
      stdio: ['ignore', 'pipe', 'pipe'],
    })
    let [stdout, stderr] = ['', '']
    child.stdout.setEncoding('utf8').on('data', (text: string) => {
      stdout += text
    })
    child.stderr.setEncoding('utf8').on('data', (text: string) => {
      stderr += text
      more.said?.(stderr)
    })
    return new Promise<Started>((done, fail) => {
      child.on('error', fail).on('close', (code) => {
        const lines = stderr.split(/^/m)
        const own = lines.filter((one) => one.startsWith('start: '))
        const rest = lines.filter((one) => !one.startsWith('start: '))
        done({ stdout, stderr: rest.join(''), code, way: own.join('') })
      })
    })
  }

  remove(): void {
    rmSync(this.path, { recursive: true, force: true })
  }
}

/** An inventory's source with one host. */
export function inventory(name: string, connection: object = {}): string {
  const host = { address: '127.0.0.1', port: 1, user: 'root', identityFiles: [], ...connection }
  return `export default {
  name: '${name}', production: false, groups: {}, vars: {},
  hosts: { S1: { connection: ${JSON.stringify(host)}, vars: {} } },
  timeouts: { connect: 10000, check: 10000, apply: 10000 },
}
`
}

/** A role's source with one task of that title; its check fails in line 6. */
export function role(title: string): string {
  return `import { role, task } from '../lib/index.ts'

export default role('one', () => [
  task('${title}', {
    check: async ({ $ }) => {
      await $\`cat /no/file\`.within(5000)
      return undefined
    },
    apply: async () => {},
  }),
])
`
}

/** A playbook's source with that role. */
export function playbook(name: string): string {
  return `import { playbook } from '../lib/index.ts'
import one from '../roles/one.ts'

const plays = [{ title: 'It', hosts: 'all', roles: [one] }]
export default playbook({ name: '${name}', description: '', plays })
`
}
