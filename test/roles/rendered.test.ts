import { spawnSync } from 'node:child_process'
import { readdirSync } from 'node:fs'
import { join, relative } from 'node:path'
import { beforeAll, describe, expect, it } from 'vitest'
import literal from '../../bench/article/playbooks/site.ts'
import { provideSecrets } from '../../lib/core/secret.ts'
import { type LabFacts, unstartedLab } from '../../lib/index.ts'
import { available, load } from '../../lib/inventory/load.ts'
import site from '../../playbooks/site.ts'
import { type Rendered, renderAll } from './render.ts'

// Golden files: what `site` writes on every host of every inventory. After a wanted change:
// npx vitest run test/roles/rendered.test.ts -u

const root = join(import.meta.dirname, '../..')
const golden = join(import.meta.dirname, 'rendered')
/** The article's own pair is kept whole; of other hosts, what differs from this one. */
const base = 'production/M1'
const facts: LabFacts = { ...unstartedLab, acceleration: 'kvm', forkMs: 2 }

/** The pair's own playbook, and the article's, which is measured beside it; each with its inventories. */
const sites = await Promise.all(
  (
    [
      [site, root],
      [literal, join(root, 'bench/article')],
    ] as const
  ).map(async ([playbook, place]) => {
    const folder = join(place, 'inventory')
    return { playbook, folder, names: await available(folder) }
  }),
)
const names = sites.flatMap((one) => one.names)
const hosts = new Map<string, Map<string, Rendered>>()

beforeAll(async () => {
  provideSecrets((name) => `secret ${name}`)
  for (const { playbook, folder, names: own } of sites) {
    for (const name of own) {
      const loaded = await load(name, folder)
      const inventory = loaded.kind === 'ready' ? loaded.inventory : loaded.build(facts)
      for (const [host, files] of await renderAll(playbook as never, inventory)) {
        hosts.set(`${name}/${host}`, files)
      }
    }
  }
})

const filesOf = (host: string) => hosts.get(host) ?? new Map<string, Rendered>()

/** The files of a host that are kept beside this test. */
const kept = (host: string) =>
  [...filesOf(host)].filter(
    ([path, { content }]) => host === base || filesOf(base).get(path)?.content !== content,
  )

describe('what site writes', () => {
  it.each(names)('is known, file by file: inventory %s', async (name) => {
    const of = [...hosts.keys()].filter((host) => host.startsWith(`${name}/`))
    expect(of.length).toBeGreaterThan(1)
    for (const host of of) {
      const list = [...filesOf(host)].map(([path, { access }]) => `${access} ${path}\n`).sort()
      await expect(list.join('')).toMatchFileSnapshot(join(golden, host, 'FILES'))
      for (const [path, { content }] of kept(host)) {
        await expect(content).toMatchFileSnapshot(join(golden, host, path))
      }
    }
  })

  it('is all that is kept: nothing is left over from an older role, and nothing is missing', () => {
    const wanted = [...hosts.keys()].flatMap((host) => [
      `${host}/FILES`,
      ...kept(host).map(([path]) => `${host}${path}`),
    ])
    const there = readdirSync(golden, { recursive: true, withFileTypes: true })
      .filter((entry) => entry.isFile())
      .map((entry) => relative(golden, join(entry.parentPath, entry.name)))
    expect(there.filter((file) => !wanted.includes(file))).toEqual([])
    // While they are made anew, new ones are written only when all tests have ended.
    const state = expect.getState().snapshotState as unknown as {
      readonly _updateSnapshot?: string
    }
    if (state._updateSnapshot === 'all') return
    expect(wanted.filter((file) => !there.includes(file))).toEqual([])
  })
})

/** Read by the scripts, with `.`: what is set there is used in them. */
const sourced = ['/usr/local/lib/tandem/common', '/etc/tandem/fencing']

/** A script with the files that it reads, in their places. */
const whole = (script: string, files: ReadonlyMap<string, Rendered>): string =>
  script.replaceAll(/^\. (\/\S+)$/gm, (line, path) => files.get(path)?.content ?? line)

/** What a program says of each distinct script of a kind, by where the script is first; `paths` are scripts too. */
function complaints(
  [program = '', ...args]: readonly string[],
  interpreter: RegExp,
  paths: readonly string[] = [],
): string[] {
  const seen = new Set<string>()
  return [...hosts].flatMap(([host, files]) =>
    [...files].flatMap(([path, { content }]) => {
      if (!(paths.includes(path) || interpreter.test(content)) || seen.has(content)) return []
      seen.add(content)
      const { status, stdout, stderr, error } = spawnSync(program, args, {
        input: whole(content, files),
        encoding: 'utf8',
      })
      return error || status !== 0 ? [`${host}${path}: ${error ?? `${stdout}${stderr}`}`] : []
    }),
  )
}

const shell = /^#!\/bin\/sh\n/
/** Programs that are not on every machine; `.ci/run` installs them. */
const has = (program: string) => spawnSync(program, ['--help']).error === undefined

describe('every script is understood', () => {
  it.each([
    ['dash', '-n'],
    ['bash', '--posix', '-n'],
  ])('by %s', (...words) => {
    expect(complaints(words, shell, sourced)).toEqual([])
  })

  it.runIf(has('busybox'))('by busybox', () => {
    expect(complaints(['busybox', 'ash', '-n'], shell, sourced)).toEqual([])
  })

  it('by perl', () => {
    expect(complaints(['perl', '-c'], /^#!\/usr\/bin\/perl\n/)).toEqual([])
  })

  it.runIf(has('shellcheck'))('by shellcheck, which has nothing against it', () => {
    // `a= b=` in a row is meant, as is -m for the last folder of a path; and not every script uses all that it reads.
    // `-ef` is of POSIX since 2024; dash, bash and busybox have long had it (processes.test.ts runs it in each).
    const but = 'SC1007,SC2034,SC2174,SC3013'
    expect(complaints(['shellcheck', '-s', 'sh', '-S', 'warning', '-e', but, '-'], shell)).toEqual(
      [],
    )
  })

  it('and a script that is not one is noticed', () => {
    hosts.set('nowhere', new Map([['/broken', { content: '#!/bin/sh\nif\n', access: '' }]]))
    expect(complaints(['dash', '-n'], shell)).toEqual([expect.stringMatching(/^nowhere\/broken: /)])
    hosts.delete('nowhere')
  })
})
