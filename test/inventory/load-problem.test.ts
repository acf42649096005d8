import { transform } from 'esbuild'
import { expect, test } from 'vitest'
import { loadProblem } from '../../lib/inventory/index.ts'

test.each([
  [
    'const a = await 1\n',
    'expected no `await` outside of functions, got one at /x/y.ts:1:10; readFileSync and execFileSync need none',
  ],
  ['const = 1\n', 'syntax error at /x/y.ts:1:6: Expected identifier but found "="'],
])('%j in a folder of CommonJS is told in one sentence', async (source, sentence) => {
  // As tsx compiles what stands in a folder whose package.json says nothing of modules.
  const options = {
    loader: 'ts',
    format: 'cjs',
    sourcefile: '/x/y.ts',
    logLevel: 'silent',
  } as const
  const error = await transform(source, options).catch((reason) => reason)
  expect(loadProblem(error)).toBe(sentence)
})
