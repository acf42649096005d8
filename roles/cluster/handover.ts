import type { Site } from '../../inventory/schema.ts'
import { type Host, poll, Refusal } from '../../lib/index.ts'
import { holding, isSettled, manager } from './index.ts'

/** Hands the service to the peer and waits until it is true that the peer has it. */
export async function handOver(
  host: Host,
  peerName: string,
  site: Site,
  waitMs: number,
): Promise<void> {
  await writeOut(host, site)
  const ask = () => host.sh`sh -c ${manager.commands.standBy}`
  await ask()
  let again = Date.now() + manager.hearsMs(site)
  let state = ''
  const look = async () => {
    const [mine, theirs] = await Promise.all([holding(host), holding(host.peer(peerName))])
    if (mine === 'none' && theirs === 'all') return true
    state = `${host.name}: ${mine}, ${peerName}: ${theirs}`
    // It does not answer: whether it was heard shows in what it does.
    if (isSettled(mine) && mine !== 'none' && Date.now() > again) {
      host.progress(`${manager.name} did not react and is asked again (${state})`)
      await ask()
      again = Date.now() + manager.hearsMs(site)
    }
    host.progress(`service moves to ${peerName} (${state})`)
    return undefined
  }
  if (await poll(look, waits(host, waitMs, `the service moves to ${peerName}`))) return
  throw new Error(`the service did not move within ${waitMs / 1000} s (${state})`)
}

/** In seconds; a stop of the service that takes 300 ends in a reset of the node. */
const writesOutWithin = 120

/** What clients wrote and the disk does not have yet goes there now, while they work on, and not while they wait. */
async function writeOut({ name, sh, progress }: Host, { nfs }: Site): Promise<void> {
  progress(`writes out what clients have written to ${nfs.path}`)
  // Beside: nothing ends a sync, and one that hangs must not keep this run.
  const { exitCode, stderr } = await sh`done=$(mktemp) || exit
    { sync -f ${nfs.path}; echo $? >$done; } </dev/null >/dev/null 2>&1 &
    n=0
    until [ -s $done ]; do
      n=$((n + 1))
      [ $n -lt ${writesOutWithin * 5} ] || exit 124
      sleep 0.2
    done
    read -r code <$done; rm -f $done; exit $code`.nothrow()
  if (exitCode === 0) return
  if (exitCode !== 124) {
    throw new Error(`${name}: sync -f ${nfs.path} ended with exit code ${exitCode}: ${stderr}`)
  }
  throw new Refusal(
    `${name}: the disk did not write out within ${writesOutWithin} s what clients have written to ${nfs.path}, so the service does not move: clients would wait for the rest; try again when clients write less`,
  )
}

const waits = ({ signal }: Host, limitMs: number, what: string) => ({
  everyMs: 1_000,
  limitMs,
  signal,
  what,
})

/** Lets the manager start the service on this node, and waits until `probe` says true; else its text says how it stands. */
export async function takeOver(
  host: Host,
  site: Site,
  probe: () => Promise<string | true>,
  waitMs: number,
): Promise<void> {
  let again = 0
  let state: string | true = ''
  const look = async () => {
    state = await probe()
    if (state === true) return true
    // It does not answer: whether it was heard shows in what it does.
    if (Date.now() > again) {
      await host.sh`sh -c ${manager.commands.takeOver}`
      again = Date.now() + 2 * manager.hearsMs(site)
    }
    host.progress(`the service starts (${state})`)
    return undefined
  }
  if (await poll(look, waits(host, waitMs, 'the service starts'))) return
  throw new Error(`the service did not start within ${waitMs / 1_000} s (${state})`)
}
