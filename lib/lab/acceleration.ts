import { spawn } from 'node:child_process'
import { accessSync, constants, mkdirSync, readFileSync, writeFileSync } from 'node:fs'
import { join } from 'node:path'
import { type Image, imageFile } from './image/image.ts'
import type { LabOptions } from './model/lab-options.ts'
import type { Acceleration } from './processes/argv.ts'
import { processor } from './processes/argv.ts'
import { emulator } from './processes/processes.ts'

/** Which acceleration works here, and why. */
export interface Probed {
  readonly acceleration: Acceleration
  readonly reason: string
}

const device = '/dev/kvm'
/** Milliseconds a working KVM may take to start our kernel; it needs about one second. */
const patienceMs = 10_000
const marker = 'tandem: kernel is up'

/** Finds out by booting our kernel: a device that opens may still hang in the guest's first second. */
export async function probeAcceleration(image: Image, options: LabOptions): Promise<Probed> {
  try {
    accessSync(device, constants.R_OK | constants.W_OK)
  } catch {
    return { acceleration: 'tcg', reason: `${device} is not there or not accessible` }
  }
  const bootId = readFileSync('/proc/sys/kernel/random/boot_id', 'utf8').trim()
  const memory = join(options.cacheDir, 'acceleration.json')
  try {
    const known = JSON.parse(readFileSync(memory, 'utf8')) as Probed & { bootId: string }
    if (known.bootId === bootId) return known
  } catch {
    // Not probed yet.
  }
  options.say({ step: 'acceleration', text: 'probing KVM with a boot of our kernel' })
  const begun = Date.now()
  const failure = await whyNot(image)
  const seconds = (Date.now() - begun) / 1000
  const reason = failure ?? `KVM started our kernel in ${seconds.toFixed(1)} s`
  const probed: Probed = { acceleration: failure ? 'tcg' : 'kvm', reason }
  mkdirSync(options.cacheDir, { recursive: true })
  writeFileSync(memory, `${JSON.stringify({ ...probed, bootId })}\n`)
  options.say({ step: 'acceleration', text: `${probed.acceleration}: ${reason}`, seconds })
  return probed
}

/** Why KVM cannot start our kernel here; undefined when it can. */
async function whyNot(image: Image): Promise<string | undefined> {
  const child = spawn(
    emulator,
    [
      ...['-M', 'pc', ...processor('kvm'), '-m', '256', '-nodefaults', '-no-user-config'],
      ...['-display', 'none', '-serial', 'stdio', '-no-reboot'],
      ...['-kernel', imageFile(image.dir, 'vmlinuz'), '-initrd', imageFile(image.dir, 'initrd')],
      ...['-append', 'console=ttyS0 tandem.probe'],
    ],
    { stdio: ['ignore', 'pipe', 'pipe'] },
  )
  let said = ''
  let complaint = ''
  const failure = await new Promise<string | undefined>((resolve) => {
    const late = `${device} opens, but our kernel did not start within ${patienceMs / 1000} s`
    const timer = setTimeout(() => resolve(late), patienceMs)
    const end = (result: string | undefined) => {
      clearTimeout(timer)
      resolve(result)
    }
    child.stderr.setEncoding('utf8').on('data', (piece: string) => {
      complaint += piece
    })
    child.stdout.setEncoding('utf8').on('data', (piece: string) => {
      said += piece
      if (said.includes(marker)) end(undefined)
    })
    child.once('error', (error) => end(error.message))
    child.once('close', () => {
      const line = complaint.trim().split('\n')[0]
      end(said.includes(marker) ? undefined : `KVM ended at once: ${line || 'no output'}`)
    })
  })
  child.kill('SIGKILL')
  return failure
}
