import { spawn } from 'node:child_process'
import { mkdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HostAround, procDrbd } from './host-around.ts'

const limits = { start: 2, stop: 2, vip: 2, disk: 2 }

/** A host with `tandem-service`, and with scripts that it calls; each notes its begin and end in `asked`. */
function around(parts: Readonly<Record<string, string>> = {}) {
  const host = new HostAround({ '/etc/ha.d/resource.d': 'scripts' })
  const { folder } = host
  mkdirSync(join(folder, 'scripts'))
  host.file('proc-drbd', procDrbd(['Connected', 'Primary/Secondary', 'UpToDate/UpToDate']))
  host.program('logger', 'exit 0')
  for (const name of ['tandem-disk', 'tandem-nfs', 'tandem-vip']) {
    host.program(`scripts/${name}`, `${parts[name] ?? ':'}\necho "end ${name}" >>${folder}/asked`)
  }
  const script = host.script('tandem-service', 'integrate/templates/tandem-service.hbs', {
    limits,
    turn: 6,
  })
  const run = async (...words: string[]) => {
    const child = spawn('sh', [script, ...words], { stdio: ['ignore', 'pipe', 'pipe'] })
    let said = ''
    for (const stream of [child.stdout, child.stderr]) {
      stream.setEncoding('utf8').on('data', (piece: string) => {
        said += piece
      })
    }
    const code = await new Promise<number | null>((resolve) => child.on('exit', resolve))
    return { code, said }
  }
  const asked = () =>
    readFileSync(join(folder, 'asked'), { encoding: 'utf8', flag: 'a+' })
      .split('\n')
      .filter((line) => /^(end|scripts)/.test(line))
      .map((line) => line.replace('scripts/tandem-', '').replace('tandem-', ''))
  return { host, run, asked }
}

describe('the service as heartbeat moves it', { timeout: 40_000 }, () => {
  it('starts and stops in order', async () => {
    const { run, asked } = around()
    expect((await run('start')).code).toBe(0)
    expect((await run('stop')).code).toBe(0)
    expect(asked()).toEqual([
      ...['disk start', 'end disk', 'nfs start', 'end nfs', 'vip start', 'end vip'],
      ...['vip stop', 'end vip', 'nfs stop', 'end nfs', 'disk stop', 'end disk'],
    ])
  })

  it.each(['tandem-disk', 'tandem-nfs', 'tandem-vip'])(
    'ends a stop in which %s hangs, and tells heartbeat that it failed',
    async (name) => {
      const { run } = around({ [name]: 'sleep 30' })
      expect((await run('stop')).code).toBe(1)
      // Heartbeat reads this, and reboots the node.
      expect((await run('status')).said).toBe('running, its stop failed\n')
    },
  )

  it.each(['tandem-nfs', 'tandem-vip'])('ends a start in which %s hangs', async (name) => {
    const { run, asked } = around({ [name]: 'sleep 30' })
    expect((await run('start')).code).not.toBe(0)
    expect(asked()).not.toContain(`end ${name.slice(7)}`)
  })

  it('gives a promotion the time it takes', async () => {
    const { run } = around({ 'tandem-disk': 'sleep 4' })
    expect((await run('start')).code).toBe(0)
  })

  it('is mended after what heartbeat does has ended, not beside it', async () => {
    const { run, asked } = around({ 'tandem-disk': 'sleep 1' })
    const moved = run('start')
    await expect.poll(asked, { timeout: 5_000 }).toContain('disk start')
    expect((await run('mend', 'nfs')).code).toBe(0)
    await moved
    expect(asked()).toEqual([
      ...['disk start', 'end disk', 'nfs start', 'end nfs', 'vip start', 'end vip'],
      ...['nfs start', 'end nfs'],
    ])
  })

  it('is not mended where it has moved away meanwhile', async () => {
    const gone = procDrbd(['Connected', 'Secondary/Secondary', 'UpToDate/UpToDate'])
    const { host, run, asked } = around({ 'tandem-disk': 'sleep 1' })
    const moved = run('stop')
    await expect.poll(asked, { timeout: 5_000 }).toContain('disk stop')
    const mended = run('mend', 'vip')
    host.file('proc-drbd', gone)
    await moved
    expect(await mended).toMatchObject({ code: 1, said: expect.stringMatching(/does not serve/) })
    expect(asked()).not.toContain('vip start')
  })

  it('leaves its turn to the next, whatever it has started', async () => {
    const { run } = around({ 'tandem-nfs': 'setsid sleep 20 >/dev/null 2>&1 </dev/null &' })
    expect((await run('start')).code).toBe(0)
    const began = performance.now()
    expect((await run('mend', 'vip')).code).toBe(0)
    expect((await run('stop')).code).toBe(0)
    // A turn that is kept costs 6 s each.
    expect(performance.now() - began).toBeLessThan(6_000)
  })

  it('stops though something else keeps its turn', async () => {
    const { host, run, asked } = around()
    const other = spawn('flock', [join(host.folder, 'run/service.lock'), 'sleep', '30'])
    try {
      await expect.poll(async () => (await run('mend', 'vip')).code, { timeout: 20_000 }).toBe(75)
      expect(await run('start')).toMatchObject({ code: 75 })
      expect((await run('stop')).code).toBe(0)
      expect(asked()).toContain('end disk')
    } finally {
      other.kill('SIGKILL')
    }
  })

  it('is not mended, nor started by the watch, once its stop has failed', async () => {
    const { run } = around({ 'tandem-nfs': '[ "$1" != stop ] || exit 1' })
    expect((await run('stop')).code).toBe(1)
    expect(await run('mend', 'nfs')).toMatchObject({
      code: 1,
      said: expect.stringMatching(/heartbeat resets this node/),
    })
    expect((await run('status')).said).toBe('running, its stop failed\n')
  })

  it('stops though the file for its turn cannot be opened', async () => {
    const { host, run, asked } = around()
    mkdirSync(join(host.folder, 'run/service.lock'))
    expect((await run('start')).code).toBe(75)
    expect((await run('stop')).code).toBe(0)
    expect(asked()).toContain('end disk')
  })
})
