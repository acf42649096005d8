import type { CheckHost } from '../../lib/index.ts'
import type { Holding } from '../cluster/manager.ts'

const holdings = new Set<string>(['all', 'local', 'foreign', 'none', 'transition'])

/** Asks heartbeat what this node holds; `stopped` where heartbeat does not run. */
export async function holding(host: CheckHost): Promise<Holding> {
  // Where heartbeat does not run, cl_status says nothing at all.
  const { stdout, stderr, exitCode } = await host.$`cl_status rscstatus || {
    { read -r pid _ </run/heartbeat.pid && read -r comm <"/proc/$pid/comm"; } 2>/dev/null && [ "$comm" = heartbeat ] || echo stopped; }`.nothrow()
  const word = stdout.trim()
  if (holdings.has(word)) return word as Holding
  if (/not running|stopped/i.test(stdout + stderr)) return 'stopped'
  // During start-up heartbeat answers without knowing its resources yet.
  if (word === '' || /not initialized|unknown/i.test(word + stderr)) return 'transition'
  throw new Error(`cl_status rscstatus: unknown answer \`${word}\` (exit code ${exitCode})`)
}

/**
 * Whether heartbeat says that the node serves. There is one resource group, the preferred node's
 * own: `local` there means the service, and on the other node nothing at all.
 */
export function isActive(state: Holding, host: string, preferred: string): boolean {
  return state === 'all' || state === (host === preferred ? 'local' : 'foreign')
}

/** Whether heartbeat has settled on this node. */
export function isSettled(state: Holding): boolean {
  return state !== 'transition' && state !== 'stopped'
}

/** State of one heartbeat link to a node: `up`, `dead` or what cl_status says. */
export async function line(host: CheckHost, node: string, device: string): Promise<string> {
  const { stdout, stderr } = await host.$`cl_status hblinkstatus ${node} ${device}`.nothrow()
  if (/signon/.test(stderr)) return 'not known, heartbeat does not answer'
  return stdout.trim() || stderr.trim() || 'unknown'
}
