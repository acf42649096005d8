import { defineConfig } from 'vitest/config'

// The lab's own tests need machines and minutes: npm run test:lab.
export default defineConfig({
  test: { include: ['test/**/*.test.ts'], testTimeout: 60_000, hookTimeout: 60_000 },
})
