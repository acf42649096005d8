import { availableParallelism } from 'node:os'
import { defineConfig } from 'vitest/config'

/** Folders whose tests leave nothing behind in their process: a new one for each file costs more than most of them. */
const together = 'test/{bench,core,drill,engine,inventory,lab-unit,report}/**/*.test.ts'

// The lab's own tests need machines and minutes: npm run test:lab.
export default defineConfig({
  test: {
    globalSetup: 'test/temporary.ts',
    // Most tests wait for a shell or a spawned command: more of them than processors gains time.
    maxWorkers: 2 * availableParallelism(),
    testTimeout: 60_000,
    hookTimeout: 60_000,
    projects: [
      { extends: true, test: { name: 'together', include: [together], isolate: false } },
      {
        extends: true,
        test: { name: 'apart', include: ['test/**/*.test.ts'], exclude: [together] },
      },
    ],
  },
})
