import { type Fencing, type Node, type NodeContext, peerOf } from '../../inventory/schema.ts'
import {
  type CheckHost,
  type HostFacts,
  quote,
  Refusal,
  requirement,
  type Task,
} from '../../lib/index.ts'
import { libFolder } from '../shared/paths.ts'
import { outletControl, type PowerSwitch, peerSwitch } from './switch.ts'

/**
 * This node can ask its peer's power switch with what the inventory says, and the switch says that the
 * peer has power, for both run. Asked before anything is written; where the program that asks is not
 * installed yet, nothing is known.
 */
export function switchAnswers(context: NodeContext): Task {
  const peer = peerOf(context)
  const power = peerSwitch(context)
  return requirement(`power switch of ${peer.name} answers`, async (host) => {
    const { script, input } = question(peer.vars.fencing)
    const { stdout, stderr, exitCode } = await host.$`sh -c ${script}`
      .input(input)
      .within(60_000)
      .nothrow()
    if (stdout.trim() === notInstalled) return
    if (exitCode === 0 && stdout.trim() === 'off' && !(await runs(host, peer))) return
    const problem = switchProblem({ stdout, stderr, exitCode }, host, peer.name, power)
    if (problem) throw new Refusal(problem)
  })
}

/** The installed program itself, with the files that it reads, says the same. */
export function programAnswers(context: NodeContext): Task {
  const peer = peerOf(context)
  const power = peerSwitch(context)
  return requirement(`${libFolder}/fence can ask for the power of ${peer.name}`, async (host) => {
    const said = await host.$`${libFolder}/fence status`.within(60_000).nothrow()
    if (said.exitCode === 0 && said.stdout.trim() === 'off' && !(await runs(host, peer))) return
    const problem = switchProblem(said, host, peer.name, power)
    if (problem) throw new Refusal(problem)
  })
}

/** Whether the peer answers on a line of its own: a run that leaves it out may meet it without power. */
async function runs({ $ }: CheckHost, { vars: { em1, em2, em3 } }: HostFacts<Node>) {
  const answers = await Promise.all(
    [em1, em2, em3].map(({ address }) => $`ping -q -n -c 2 -W 2 ${address}`.nothrow()),
  )
  return answers.some(({ exitCode }) => exitCode === 0)
}

const notInstalled = 'not installed'

/** A machine is off when all of its outlets are; the program may talk before its last line. */
const eachOutlet = (outlets: readonly number[], ask: string, on: string, off: string) =>
  `all=off
for outlet in ${outlets.join(' ')}; do
  said=$(${ask} 2>&1 | tail -n 1)
  case $said in ${on}) all=on ;; ${off}) ;; *) echo "$said" >&2; exit 2 ;; esac
done
echo $all`

/**
 * Asks a switch without any file of ours: a script that prints `on` or `off`, or says why not and exits
 * with another code, and what it reads on standard input, so that no secret is among its arguments.
 */
function question(fencing: Fencing | undefined): { script: string; input: string } {
  const quoted = (word: string | number) => quote(String(word))
  const needs = (program: string) =>
    `command -v ${program} >/dev/null || { echo '${notInstalled}'; exit 0; }\n`
  // Only when it fails are the words of the program worth reading.
  const judge = (on: string, off: string) =>
    `case $said in ${on}) echo on ;; ${off}) echo off ;; *) printf '%s\\n' "$said" | grep -v Loading >&2; exit 2 ;; esac`
  switch (fencing?.plugin) {
    case 'external/ipmi': {
      const { address, port, user, interface: name, cipher } = fencing
      const suite = cipher === undefined ? '' : ` -C ${cipher}`
      const ask = `ipmitool -v -I ${name}${suite} -H ${quoted(address)} -p ${port} -U ${quoted(user)} -f /dev/stdin -N 1 -R 3 chassis power status`
      return {
        script: `${needs('ipmitool')}said=$(timeout 30 ${ask} 2>&1)\n${judge("*'Power is on'*", "*'Power is off'*")}`,
        input: `${fencing.password.reveal()}\n`,
      }
    }
    case 'external/libvirt': {
      const ask = `virsh -q -c ${quoted(fencing.uri)} domstate ${quoted(fencing.domain)}`
      return {
        script: `${needs('virsh')}said=$(timeout 30 ${ask} 2>&1 </dev/null)\n${judge('running | idle | paused | blocked', "'shut off' | crashed")}`,
        input: '',
      }
    }
    case 'external/rackpdu': {
      const ask = `MIBS= SNMPCONFPATH=$d timeout 30 snmpget -Oqv -t 3 -r 2 ${quoted(fencing.address)} ${outletControl}.$outlet`
      return {
        // snmp reads the community from a folder only; this one is gone again at once.
        script: `${needs('snmpget')}umask 077; d=$(mktemp -d /run/tandem-ask.XXXXXX) && trap 'rm -rf "$d"' EXIT && cat >"$d/snmp.conf" || exit 2
${eachOutlet(fencing.outlets, ask, '1', '2')}`,
        input: `defVersion 1\ndefCommunity ${fencing.community.reveal()}\n`,
      }
    }
    case 'external/nut': {
      const ask = `timeout 30 upsc ${quoted(fencing.address)} outlet.$outlet.status`
      const script = `${needs('upsc')}${eachOutlet(fencing.outlets, ask, 'on', 'off')}`
      return { script, input: '' }
    }
    default:
      return { script: `echo '${notInstalled}'`, input: '' }
  }
}

/** What is wrong with a switch's answer, as one sentence; undefined where nothing is. */
export function switchProblem(
  said: { readonly stdout: string; readonly stderr: string; readonly exitCode: number | null },
  { name }: Pick<CheckHost, 'name'>,
  peer: string,
  { plugin, identity }: PowerSwitch,
): string | undefined {
  const what = `${name}: the power switch of ${peer} (${plugin}, ${identity})`
  if (said.exitCode === 0) {
    const state = said.stdout.trim()
    if (state === 'on') return undefined
    return `${what} says that ${peer} is ${state}, although ${peer} runs: expected the switch of ${peer}, got that of another machine; correct fencing of ${peer} in the inventory`
  }
  const words = said.stderr.trim().replaceAll(/\s+/g, ' ')
  if (
    /RAKP|HMAC|unauthorized|authentication failed|access denied|permission denied|password/i.test(
      words,
    )
  ) {
    return `${what} refuses the user or the password of the inventory: expected its power status, got: ${words}`
  }
  return `${what} does not answer: expected its power status, got: ${words || 'nothing'}`
}
