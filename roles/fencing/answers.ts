import { type NodeContext, peerOf } from '../../inventory/schema.ts'
import { type CheckHost, Refusal, requirement, type Task } from '../../lib/index.ts'
import { libFolder } from '../base/folder.ts'
import { type PowerSwitch, peerSwitch } from './switch.ts'

/** This node can ask its peer's power switch, and the switch says that the peer has power: both run. */
export function switchAnswers(context: NodeContext): Task {
  const peer = peerOf(context)
  const power = peerSwitch(context)
  return requirement(`power switch of ${peer.name} answers`, async (host) => {
    const { stdout, stderr, exitCode } = await host.$`${libFolder}/fence status`
      .within(60_000)
      .nothrow()
    const problem = switchProblem({ stdout, stderr, exitCode }, host, peer.name, power)
    if (problem) throw new Refusal(problem)
  })
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
    return `${what} says that ${peer} is ${state}, although ${peer} runs: expected its own switch, got another machine's`
  }
  const words = said.stderr.trim().replaceAll(/\s+/g, ' ')
  if (/RAKP|HMAC|unauthorized|password|authenticat|privilege|invalid user/i.test(words)) {
    return `${what} refuses the user or the password: expected those of the inventory to be right, got: ${words}`
  }
  return `${what} does not answer: expected its power status, got: ${words || 'nothing'}`
}
