import { mkdtempSync, writeFileSync } from 'node:fs'
import { tmpdir } from 'node:os'
import { join } from 'node:path'
import { beforeAll, describe, expect, test } from 'vitest'
import type { BenchHosts } from '../../bench/inventories.ts'
import { plan } from '../../lib/engine/plan.ts'
import type { Inventory, Playbook } from '../../lib/index.ts'

let playbook: Playbook
let inventory: Inventory

beforeAll(async () => {
  const hosts: BenchHosts = {
    hosts: ([1, 2] as const).map((node) => {
      return { name: `h${node}`, address: `127.0.10.${node}`, port: 2222, node }
    }),
    identityFile: '/nowhere/id',
    knownHosts: '/nowhere/known_hosts',
  }
  const file = join(mkdtempSync(join(tmpdir(), 'bench-')), 'hosts.json')
  writeFileSync(file, JSON.stringify(hosts))
  process.env.TANDEM_BENCH_HOSTS = file
  playbook = (await import('../../bench/tandem/playbooks/site.ts')).default as Playbook
  inventory = (await import('../../bench/tandem/inventory/bench.ts')).default
})

describe("Tandem's side of the benchmark", () => {
  // 46 tasks are 52 items with their loops unrolled, and 4 handlers; M2 lacks the initial primary.
  test.each([
    ['h1', 52 + 4],
    ['h2', 51 + 4],
  ])('has all tasks of %s', (name, count) => {
    const [play] = plan(playbook, inventory, {})
    const host = play?.hosts.find(({ host }) => host === name)
    expect(host?.tasks).toHaveLength(count)
  })
})
