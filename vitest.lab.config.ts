import { defineConfig } from 'vitest/config'

// One lab, so one file after another, in order, and nothing after the first failure: it would meet
// machines in a state that no test asked for.
export default defineConfig({
  test: {
    include: ['test/lab/*.lab.ts'],
    fileParallelism: false,
    sequence: { concurrent: false },
    bail: 1,
    testTimeout: 30 * 60_000,
    hookTimeout: 30 * 60_000,
    reporters: ['verbose'],
  },
})
