import { fileURLToPath } from 'node:url'
import { describe, expect, it } from 'vitest'
import { chosenActive, chosenDrills, consentOf, readDrill } from '../../lib/cli/drill/drill-args.ts'
import { Refusal, UsageError } from '../../lib/core/errors.ts'
import { tableText } from '../../lib/drill/text-table.ts'
import { controls } from '../../playbooks/drills/controls/index.ts'
import { drills } from '../../playbooks/drills/index.ts'
import { tandem } from '../cli/spawn.ts'

const lab = { name: 'lab', production: false }
const production = { name: 'production', production: true }
const consent = (words: string[], inventory = lab, terminal = false) =>
  consentOf(readDrill(words), inventory, terminal, 'These drills disturb M1')

describe('consent', () => {
  it('is given by --yes, by the name, or asked for on a terminal', () => {
    expect(consent(['--yes'])).toBe('given')
    expect(consent(['--confirm', 'lab'])).toBe('given')
    expect(consent([], lab, true)).toBe('ask for yes')
  })

  it('is missing where nobody can be asked', () => {
    expect(() => consent([])).toThrow(UsageError)
    expect(() => consent([])).toThrow('These drills disturb M1: add --yes, or answer on a terminal')
  })

  it('to production needs its name, twice', () => {
    expect(() => consent(['--yes'], production)).toThrow(Refusal)
    expect(() => consent(['--confirm', 'production'], production)).toThrow(Refusal)
    expect(() => consent(['--inventory', 'production', '--yes'], production)).toThrow(
      'production is a production inventory, and --yes is not enough: add --inventory production --confirm production',
    )
    expect(() => consent([], production, true)).toThrow(Refusal)
    const named = ['--inventory', 'production']
    expect(consent(named, production, true)).toBe('ask for the name')
    expect(consent([...named, '--confirm', 'production'], production)).toBe('given')
  })

  it('to another inventory than the one named is refused', () => {
    expect(() => consent(['--confirm', 'lab', '--inventory', 'production'], production)).toThrow(
      /--confirm lab is not the name of the inventory, production/,
    )
  })
})

describe('the words of a drill', () => {
  it('choose drills, in the usual order', () => {
    const { only } = readDrill(['--only', 'power-off,standby'])
    expect(chosenDrills(drills, only).map(({ name }) => name)).toEqual(['standby', 'power-off'])
    expect(chosenDrills(drills)).toHaveLength(drills.length)
  })

  it('are refused with the likely one', () => {
    expect(() => chosenDrills(drills, ['poweroff'])).toThrow(/did you mean `power-off`\?/)
    expect(() => readDrill(['power-off'])).toThrow(/got `power-off`: --only power-off\?/)
    expect(() => readDrill(['--rounds', '0'])).toThrow(/--rounds to be an integer/)
  })

  it('choose controls by their own names', () => {
    const broken = controls.map(({ drill }) => drill)
    const { control, only } = readDrill(['--control', '--only', 'answer-5'])
    expect(control).toBe(true)
    expect(chosenDrills(broken, only, 'control').map(({ name }) => name)).toEqual(['answer-5'])
    expect(() => chosenDrills(broken, ['power-off'], 'control')).toThrow(
      /^Unknown control `power-off`.*control, fencing-off, isolated-fencing-off, answer-5$/,
    )
  })

  it('name the node that serves first, or leave it to chance', () => {
    const nodes = ['M1', 'M2']
    expect(chosenActive(readDrill([]).active, nodes)).toBe('either')
    expect(chosenActive(readDrill(['--active', 'M2']).active, nodes)).toBe('M2')
    expect(() => chosenActive('M3', nodes)).toThrow(UsageError)
    expect(() => chosenActive('m3', nodes)).toThrow(/^Unknown node `m3`.*M1, M2, either$/)
  })

  it('have names in kebab-case, each once', () => {
    const names = [...drills, ...controls.map(({ drill }) => drill)].map(({ name }) => name)
    expect(new Set(names).size).toBe(names.length)
    for (const name of names) expect(name).toMatch(/^[a-z0-9]+(-[a-z0-9]+)*$/)
  })
})

describe('npm run play drill', () => {
  it('names its drills without any connection', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const asked = (...words: string[]) => tandem(['play', ...words], {}, undefined, root)
    const { stdout, code } = await asked('drill', '--list')
    expect(code).toBe(0)
    for (const name of ['power-off', 'freeze-active', 'both-off-standby-first', 'answer-5']) {
      expect(stdout).toMatch(new RegExp(`^  ${name} +\\w`, 'm'))
    }
    expect((await asked('drill', '--help')).stdout).toContain('--rounds')
    expect((await asked()).stdout).toMatch(/^ {2}drill +Breaks the pair/m)
  })

  it('says so where there are none', async () => {
    const { stderr, code } = await tandem(['play', 'drill', '--list'])
    expect(stderr).toMatch(/^playbooks\/drills\/index\.ts does not load: .*\n$/)
    expect(code).toBe(1)
  })

  it('is not begun where what it finds out could not be written', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const words = ['play', 'drill', '--yes', '--html', '/nowhere/drill.html']
    const { stderr, stdout, code } = await tandem(words, {}, undefined, root)
    expect(stderr).toBe('Expected a file that can be written, got /nowhere/drill.html (ENOENT)\n')
    expect(stdout).toBe('')
    expect(code).toBe(1)
  })

  it('is not begun for a node that the inventory has not', async () => {
    const root = fileURLToPath(new URL('../..', import.meta.url))
    const words = ['play', 'drill', '--yes', '--active', 'C1']
    const { stderr, stdout, code } = await tandem(words, {}, undefined, root)
    expect(stderr).toBe('Unknown node `C1`, did you mean `M1`? There are: M1, M2, either\n')
    expect(stdout).toBe('')
    expect(code).toBe(1)
  })

  it('is not begun by what npm took for itself', async () => {
    const { stderr, code } = await tandem(['play', 'drill', 'power-off'], {
      npm_lifecycle_event: 'play',
      npm_config_only: 'true',
    })
    expect(stderr).toContain('type: npm run play drill -- --only power-off')
    expect(code).toBe(1)
  })
})

describe('the table', () => {
  it('has a line a drill, and under it where the time went', () => {
    const stall = { p50: 4_200, p95: 6_000, max: 6_000 }
    const text = tableText([
      {
        drill: 'standby',
        recipe: 'tandem',
        rounds: 3,
        active: ['M1', 'M2', 'M1'],
        passed: true,
        acknowledged: 1_200,
        lost: 0,
        indeterminate: 1,
        clientErrors: 0,
        replayed: 0,
        bothWrote: 0,
        compared: 3,
        commits: [],
        stallMs: stall,
        stallsMs: { newFile: stall, openFile: stall, read: stall, lock: stall },
        phasesMs: { detect: 400, stop: 1_300, vip: 50 },
      },
    ])
    expect(text).toBe(
      `drill    rounds  result  acknowledged  lost  indeterminate  errors  stall p50  p95  max
standby       3  passed          1200     0              1       0        4.2  6.0  6.0
  detect 0.4, stop 1.3, vip 0.1
`,
    )
  })
})
