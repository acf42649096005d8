import { loadavg } from 'node:os'
import { exitCodes, UsageError } from '../lib/core/errors.ts'
import { lock } from '../lib/lab/model/lock.ts'
import { type BenchArgs, benchOptions, readBench } from './args.ts'
import { ensureBase, needPrograms } from './base.ts'
import { begin } from './begin.ts'
import { Bench, chosen } from './bench.ts'
import { ownContenders, peers } from './contenders.ts'
import { growthTable } from './growth.ts'
import { down, reset } from './hosts.ts'
import { writeInventories } from './inventories.ts'
import { needRoom } from './limits.ts'
import { optionLines } from './options.ts'
import { addressOf, type Places, places, ports } from './places.ts'
import { table } from './rows.ts'

const say = (text: string) => process.stderr.write(`${text}\n`)

function help(): string {
  return `npm run bench [-- OPTIONS]   measure Tandem beside a shell script and ssh (root only)
npm run bench -- up N        fresh hosts to try things on
npm run bench -- down        end all hosts

${optionLines(benchOptions)}

By default 1, 2, 10 and 50 hosts at 0, 20 and 100 ms, 3 rounds. See bench/README.md.
`
}

async function main(argv: readonly string[], signal: AbortSignal): Promise<number> {
  const args = readBench(argv, process.env)
  if (args.verb === 'help') {
    process.stdout.write(help())
    return exitCodes.converged
  }
  if (process.getuid?.() !== 0) {
    throw new UsageError(
      'The benchmark makes namespaces and mounts for its hosts, so it needs root: sudo npm run bench',
    )
  }
  const at = places(process.env)
  needPrograms(['flock', 'perl', 'ssh'])
  const waiting = () => say('another benchmark is running; waiting for it')
  const unlock = await lock(at.lock, { waiting, signal })
  try {
    return await work(args, at, signal)
  } finally {
    unlock()
  }
}

async function work(args: Exclude<BenchArgs, { verb: 'help' }>, at: Places, signal: AbortSignal) {
  // What a killed run left behind goes first.
  await down(at)
  if (args.verb === 'down') return exitCodes.converged
  if (args.verb === 'up') {
    await ensureBase(at, say, signal)
    needRoom(args.hosts, at.folder)
    writeInventories(at, args.hosts, ports.direct)
    await reset(at, args.hosts)
    say(`ssh -F ${at.sshConfig} ${addressOf(1)}`)
    return exitCodes.converged
  }
  const theirs = args.peers === undefined ? [] : peers(args.peers, at, process.env)
  const contenders = chosen([...ownContenders(at, process.env), ...theirs], args.contenders)
  await ensureBase(at, say, signal)
  needRoom(Math.max(...args.hosts), at.folder)
  const [load = 0] = loadavg()
  if (load > 0.5) say(`this machine is busy (load ${load.toFixed(2)}): wall times say little`)
  const bench = new Bench(at, { ...args, contenders }, say, signal)
  try {
    await bench.run()
    return exitCodes.converged
  } finally {
    // What was measured before something went wrong still holds.
    if (bench.finished.length > 0) process.stdout.write(`${table(bench.finished)}\n`)
    const grown = growthTable(bench.finished)
    if (grown !== undefined) process.stdout.write(`\n${grown}\n`)
    await down(at)
  }
}

await begin(main)
