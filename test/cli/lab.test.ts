import { mkdtempSync, rmSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { afterAll, describe, expect, test } from 'vitest'
import { lab } from '../../lib/cli/lab/lab-command.ts'
import { labModule } from '../../lib/cli/lab/lab-module.ts'
import { statusText } from '../../lib/cli/lab/lab-status.ts'
import { type VerbCall, verbs } from '../../lib/cli/lab/lab-verbs.ts'
import { UsageError } from '../../lib/core/errors.ts'

const root = join(import.meta.dirname, '../..')
const dir = mkdtempSync(join(tmpdir(), 'tandem-lab-'))
afterAll(() => rmSync(dir, { recursive: true, force: true }))

function context() {
  let text = ''
  const stream = {
    columns: 100,
    write: (piece: string) => {
      text += piece
      return true
    },
  } as unknown as NodeJS.WriteStream
  const env = { TANDEM_LAB_DIR: dir, PATH: process.env.PATH ?? '' }
  return { context: { root, env, stdout: stream, stderr: stream }, text: () => text }
}

const wrong: readonly [args: string[], sentence: string][] = [
  [['uo'], 'Unknown lab verb `uo`, did you mean `up`?'],
  [['poweroff', 'M1'], 'Unknown lab verb `poweroff`, did you mean `power-off`?'],
  [['cut'], 'Expected npm run lab cut LINK, got nothing'],
  [['cut', 'em4'], 'Unknown link `em4`; there are: M1.em1, M2.em1, C1.em1, em2, em3, '],
  [['power-off', 'M3'], 'Unknown host `M3`; there are: M1, M2, C1'],
  [['reset', 'blank'], 'Unknown snapshot `blank`; there are: clean, converged'],
  [['down', '--image'], 'Unknown option --image; there are: --help'],
  [['exec', 'M1'], 'Expected a command: npm run lab exec M1 -- COMMAND'],
  [['exec', '--', 'ls'], 'Expected a host, got the option --'],
  [['exec', 'M1', '--', 'ls', '-l'], 'There is no lab yet; run: npm run lab up'],
]

test.for(wrong)('lab %j is refused in words', async ([args, sentence]) => {
  const refused = lab(args, context().context)
  await expect(refused).rejects.toThrow(UsageError)
  await expect(refused).rejects.toThrow(sentence)
})

test('without words it lists the verbs', async () => {
  const { context: given, text } = context()
  expect(await lab([], given)).toBe(0)
  for (const verb of Object.keys(verbs)) expect(text()).toContain(`\n  ${verb}`)
})

describe('exec', () => {
  /** Calls the verb as `npm run lab` would, with the lab's own function replaced. */
  async function executed(command: readonly string[], exitCode: number | null = 0) {
    const { context: given, text } = context()
    let ran: unknown
    const module = await labModule({ root })
    const call: VerbCall = {
      lab: {
        ...module,
        exec: async (_options, host, words, more) => {
          ran = [host, words]
          more?.onStdout?.('out\n')
          return { stdout: 'out\n', stderr: '', exitCode }
        },
      },
      settings: {
        cacheDir: dir,
        stateDir: dir,
        topology: module.topology,
        install: false,
        say: () => {},
      },
      context: given,
      words: ['M1'],
      command,
      flag: () => false,
    }
    const code = await verbs.exec?.run(call)
    return { ran, code, text: text() }
  }

  test('hands several words on as they are, dashes and quotes included', async () => {
    const words = ['ip', 'addr', 'del', "it's", '--', '-l']
    expect((await executed(words)).ran).toEqual(['M1', words])
  })

  test('hands one word on as a line for the shell', async () => {
    expect((await executed(['cat /proc/drbd | grep ro:'])).ran).toEqual([
      'M1',
      'cat /proc/drbd | grep ro:',
    ])
  })

  test('prints the output alone and returns the exit code', async () => {
    expect(await executed(['false'], 7)).toMatchObject({ code: 7, text: 'out\n' })
    expect(await executed(['kill'], null)).toMatchObject({ code: 255 })
  })
})

test('status says what is on, cut and saved', () => {
  const machine = {
    user: 'root',
    identityFile: '/k',
    knownHosts: '/h',
    address: '127.0.0.1',
  } as const
  const text = statusText({
    machines: [
      { name: 'M1', state: 'on', pid: 1, port: 2201 },
      { name: 'M2', state: 'off', port: 2202 },
    ],
    switchRunning: true,
    cuts: ['em2'],
    image: 'abc',
    lab: {
      machines: {
        M1: { ...machine, name: 'M1', port: 2201 },
        M2: { ...machine, name: 'M2', port: 2202 },
        C1: { ...machine, name: 'C1', port: 2203 },
      },
      acceleration: 'tcg',
      forkMs: 57.04,
      seconds: {},
      cuts: ['em2'],
      snapshots: { clean: '2026-01-01T00:00:00.000Z' },
    },
  })
  expect(text).toBe(`M1  on      127.0.0.1:2201
M2  off     127.0.0.1:2202
runs on    tcg, 57.0 ms a process
cut        em2
snapshots  clean (2026-01-01T00:00:00.000Z)
image      abc
`)
})
