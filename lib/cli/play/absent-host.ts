import { Refusal, UsageError } from '../../core/errors.ts'
import type { Playbook } from '../../core/task.ts'
import type { Selection } from '../../engine/index.ts'
import { groupHosts } from '../../engine/plan.ts'
import { type Inventory, unknownName } from '../../inventory/index.ts'
import type { Context } from '../common/context.ts'
import { typedWord } from '../common/typed-word.ts'

/**
 * The inventory with `vars.absent`, the host that a playbook asks for as a word of its own. Throws
 * UsageError where it is missing or no host of the playbook's.
 */
export function withAbsent(
  playbook: Playbook,
  inventory: Inventory,
  word: string | undefined,
  confirm?: string,
): Inventory {
  if (playbook.asks !== 'absent') {
    if (word === undefined && confirm !== undefined) {
      throw new UsageError(`${playbook.name} asks for no confirmation, got --confirm ${confirm}`)
    }
    if (word === undefined) return inventory
    throw new UsageError(`Expected one playbook or role, got \`${playbook.name}\` and \`${word}\``)
  }
  const hosts = groupHosts(inventory, playbook.plays[0]?.hosts ?? 'all')
  if (word === undefined) {
    const lines = hosts.map((name) => `npm run play ${playbook.name} ${name}`)
    throw new UsageError(`Expected the host that is off: ${lines.join(' or ')}`)
  }
  if (!hosts.includes(word)) throw new UsageError(unknownName('host', word, hosts))
  if (playbook.tellsFirst && confirm !== undefined && confirm !== word) {
    throw new UsageError(`Expected --confirm ${word}, got --confirm ${confirm}`)
  }
  const confirmed = playbook.tellsFirst ? { confirmed: confirm === word } : {}
  return { ...inventory, vars: { ...(inventory.vars as object), absent: word, ...confirmed } }
}

/** The selection without the absent host: nobody can connect to it. */
export function without(
  absent: string,
  playbook: Playbook,
  inventory: Inventory,
  selection: Selection,
): Selection {
  const hosts = selection.limit ?? groupHosts(inventory, playbook.plays[0]?.hosts ?? 'all')
  return { ...selection, limit: hosts.filter((name) => name !== absent) }
}

/** Has the absent host's name typed once more; throws where it is not. */
export async function typed(
  absent: string,
  confirm: string | undefined,
  context: Context,
): Promise<void> {
  if (confirm === absent) return
  if (confirm !== undefined) {
    throw new UsageError(`Expected --confirm ${absent}, got --confirm ${confirm}`)
  }
  const text = `You say that ${absent} has no power. If it still runs, writes of clients may be lost.`
  if (context.stdout.isTTY !== true || process.stdin.isTTY !== true) {
    throw new Refusal(`${text} Type its name on a terminal, or add: --confirm ${absent}`)
  }
  const question = `${text}\nType ${absent} to go on: `
  const answer = await typedWord(context, question, 'Nothing was changed')
  if (answer === absent) return
  throw new UsageError(`Nothing was changed: expected ${absent}, got ${answer || 'nothing'}`)
}
