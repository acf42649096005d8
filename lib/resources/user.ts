import type { CheckHost, Task } from '../core/task.ts'
import { accountName } from './group.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { absolute, oneLine } from './shared/validate.ts'

/** What `user` may be told; what is not named is left as it is. */
export interface UserOptions extends TaskOptions {
  readonly uid?: number
  /** The primary group; unless given, a new user gets one of its own name. */
  readonly group?: string
  /** Groups that the user is in, besides others that somebody added. */
  readonly groups?: readonly string[]
  readonly home?: string
  readonly shell?: string
  readonly comment?: string
  /** Made with a number from the range for services, and without a home folder. */
  readonly system?: boolean
}

type Found = NonNullable<Awaited<ReturnType<typeof lookUp>>>

/** A user; a new one has no password, and an existing one's is left alone. A group of the same name is the primary one. */
export function user(name: string, options: UserOptions = {}): Task {
  accountName(name, 'user')
  const { uid, home, shell, comment, groups = [], system = false } = options
  for (const one of [...groups, ...(options.group ? [options.group] : [])])
    accountName(one, 'group')
  for (const path of [home, shell]) if (path !== undefined) absolute(path)
  if (comment) oneLine(comment, `the comment of user ${name}`)

  const wanted: readonly (readonly [keyof Found, string, string | undefined])[] = [
    ['uid', '-u', uid === undefined ? undefined : String(uid)],
    ['group', '-g', options.group],
    ['home', '-d', home],
    ['shell', '-s', shell],
    ['comment', '-c', comment],
  ]

  return resource(`user ${name}`, options, {
    async check(host) {
      const found = await lookUp(host, name)
      const differing = wanted.filter(
        ([key, , value]) => value !== undefined && found?.[key] !== value,
      )
      const words = differing.flatMap(([key, flag, value]) => [
        flag,
        value ?? '',
        // What is in the old home moves along.
        ...(found && key === 'home' ? ['-m'] : []),
      ])
      const lacking = groups.filter((one) => !found?.groups.includes(one))
      const joins = [...(found ? ['-a'] : []), '-G', lacking.join(',')]
      const more = lacking.length > 0 ? joins : []
      if (!found) {
        const kind = system ? ['-r', '-M'] : ['-m']
        const own = options.group === undefined && (await hasGroup(host, name)) ? ['-g', name] : []
        const all = [...kind, ...own, ...words, ...more]
        return { summary: 'does not exist', create: true, words: all }
      }
      const reasons = [
        ...differing.map(([key, , value]) => `${key} ${found[key]} → ${value}`),
        ...lacking.map((one) => `is not in group ${one}`),
      ]
      if (reasons.length === 0) return undefined
      return { summary: reasons.join(', '), create: false, words: [...words, ...more] }
    },
    async apply({ sh }, { create, words }) {
      if (create) await sh`useradd ${words} ${name}`
      else await sh`usermod ${words} ${name}`
    },
  })
}

async function hasGroup({ $ }: CheckHost, name: string): Promise<boolean> {
  return (await $`getent group -- ${name}`.nothrow()).exitCode === 0
}

async function lookUp(host: CheckHost, name: string) {
  const { stdout, exitCode } = await host.$`
getent passwd -- ${name} || exit
id -gn -- ${name} && id -Gn -- ${name}`.nothrow()
  if (exitCode === 2 && stdout === '') return undefined
  const [entry = '', group = '', groups = ''] = stdout.split('\n')
  const [, , uid = '', , comment = '', home = '', shell] = entry.split(':')
  if (exitCode !== 0 || shell === undefined) {
    throw new Error(`Expected an answer about user ${name}, got exit code ${exitCode}`)
  }
  return { uid, comment, home, shell, group, groups: groups.split(' ') }
}
