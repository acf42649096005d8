import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

// The lab's own tests need machines and minutes: npm run test:lab.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/temporary.ts',
    // Most tests wait for a shell or a spawned command: more of them than processors gains time.
    maxWorkers: 2 * availableParallelism(),
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
