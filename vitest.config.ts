import { defineConfig } from 'vitest/config'

// The lab's own tests need machines and minutes: npm run test:lab.
export default defineConfig({
  test: {
    include: ['test/**/*.test.ts'],
    globalSetup: 'test/temporary.ts',
    // Most tests wait for a shell or a spawned command: leaving a processor free gains nothing.
    maxWorkers: '100%',
    testTimeout: 60_000,
    hookTimeout: 60_000,
  },
})
