import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'

const roles = join(import.meta.dirname, '../../roles')
const read = (name: string) => readFileSync(join(roles, name), 'utf8')
const common = read('shared/templates/common.hbs')
/** What every script finds set: the words of the first lines of `common`. */
const shared = common
  .split('\n')
  .filter((line) => /^(path|run)=/.test(line))
  .flatMap((line) => [...line.matchAll(/(?:^| )(\w+)=/g)].map(([, name = '']) => name))
const scripts = readdirSync(roles, { recursive: true, encoding: 'utf8' }).filter(
  (name) => name.endsWith('.hbs') && read(name).includes('. /usr/local/lib/tandem/common'),
)

describe('what all scripts share', () => {
  it('is known to this test, and to more than a few', () => {
    expect(shared).toEqual([
      ...['path', 'device', 'minor', 'state_folder', 'address', 'prefix', 'card', 'run'],
    ])
    expect(scripts.length).toBeGreaterThan(6)
  })

  it.each([...scripts, 'shared/templates/common.hbs'])('is set by nothing in %s', (name) => {
    const lines = read(name).split('\n')
    const taken = lines.filter(
      (line) =>
        !/^(path|run)=/.test(line) &&
        !line.trimStart().startsWith('#') &&
        shared.some((word) =>
          new RegExp(
            `(^|[\\s;({])${word}=|\\bread -r[^<;|&]*\\s${word}(\\s|;|$)|\\bfor ${word} in`,
          ).test(line),
        ),
    )
    expect(taken).toEqual([])
  })
})
