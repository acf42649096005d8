import { existsSync } from 'node:fs'
import { mkdir, readFile, writeFile } from 'node:fs/promises'
import { dirname, join } from 'node:path'
import { UsageError } from '../lib/core/errors.ts'

/** What can be made, with its files (skeleton and place) and what is left for a human to write. */
const kinds = {
  role: {
    files: [
      ['role.ts', 'roles/NAME/index.ts'],
      ['role.conf', 'roles/NAME/templates/NAME.conf.hbs'],
    ],
    next: [
      "playbooks/site.ts: import CAMEL from '../roles/NAME/index.ts', and put CAMEL into the play where it belongs",
      'npx vitest run test/roles/rendered.test.ts -u, and look at the golden files that it makes',
    ],
  },
  resource: {
    files: [
      ['resource.ts', 'lib/resources/NAME.ts'],
      ['resource.test.ts', 'test/resources/NAME.test.ts'],
    ],
    next: ["lib/resources/index.ts: export { CAMEL } from './NAME.ts'"],
  },
  drill: {
    files: [['drill.ts', 'playbooks/drills/NAME.ts']],
    next: [
      "playbooks/drills/index.ts: import { CAMEL } from './NAME.ts', and put CAMEL into the list",
      'test/drill/good-pair.ts: what a good pair does when that happens to it',
    ],
  },
  playbook: {
    files: [['playbook.ts', 'playbooks/NAME.ts']],
    next: ['npm run docs'],
  },
} as const satisfies Record<
  string,
  { files: readonly (readonly [string, string])[]; next: readonly string[] }
>

/** What may be made anew. */
export const skeletonKinds = Object.keys(kinds)

const camelOf = (name: string): string =>
  name.replaceAll(/-([a-z0-9])/g, (_, letter: string) => letter.toUpperCase())

/** Makes the files of a new role, resource, drill or playbook below `root`; gives what is to be done next, a line each. */
export async function makeSkeleton(root: string, kind: string, name: string): Promise<string[]> {
  if (!Object.hasOwn(kinds, kind)) {
    throw new UsageError(`Expected ${skeletonKinds.join(', ')}, got \`${kind}\``)
  }
  if (!/^[a-z][a-z0-9]*(-[a-z0-9]+)*$/.test(name)) {
    throw new UsageError(`Expected a name such as my-${kind}, got \`${name}\``)
  }
  const { files, next } = kinds[kind as keyof typeof kinds]
  const named = (text: string) => text.replaceAll('NAME', name).replaceAll('CAMEL', camelOf(name))
  const taken = files
    .map(([, place]) => named(place))
    .find((place) => existsSync(join(root, place)))
  if (taken) throw new UsageError(`${taken} is there already: expected a name that is free`)
  for (const [skeleton, place] of files) {
    const file = join(root, named(place))
    await mkdir(dirname(file), { recursive: true })
    const text = await readFile(join(import.meta.dirname, 'skeletons', `${skeleton}.txt`), 'utf8')
    const filled = text.replaceAll('{{name}}', name).replaceAll('{{camel}}', camelOf(name))
    await writeFile(file, filled)
  }
  return [
    ...files.map(([, place]) => `made ${named(place)}`),
    ...next.map((line) => `next: ${named(line)}`),
  ]
}
