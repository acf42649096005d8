import type { z } from 'zod'
import { UsageError } from '../core/errors.ts'
import { limited, problems } from './issues.ts'
import { skeletonProblems } from './schema.ts'
import type { Inventory } from './types.ts'

/** What an inventory's variables must look like: the site's and each host's. */
export interface InventorySchema<V extends z.ZodType, H extends z.ZodType> {
  readonly vars: V
  readonly host: H
  /** What must be so of all of it together: a sentence for each problem, with its path. */
  together?(inventory: Inventory<z.output<V>, z.output<H>>): readonly string[]
}

/**
 * Types an inventory from its zod schemas and checks it against them as it is loaded.
 * Throws UsageError with a line for each of the first problems, each with its path.
 */
export function defineInventory<V extends z.ZodType, H extends z.ZodType>(
  schema: InventorySchema<V, H>,
  inventory: Inventory<z.input<V>, z.input<H>>,
): Inventory<z.output<V>, z.output<H>> {
  const wrong = skeletonProblems(inventory)
  if (wrong.length > 0) throw new UsageError(wrong.join('\n'))

  const vars = schema.vars.safeParse(inventory.vars, { reportInput: true })
  if (!vars.success) wrong.push(...problems(vars.error.issues, ['vars']))
  const hosts: Record<string, Inventory<z.output<V>, z.output<H>>['hosts'][string]> = {}
  for (const [name, host] of Object.entries(inventory.hosts)) {
    const parsed = schema.host.safeParse(host.vars, { reportInput: true })
    if (parsed.success) hosts[name] = { ...host, vars: parsed.data }
    else wrong.push(...problems(parsed.error.issues, ['hosts', name, 'vars']))
  }
  if (!vars.success || wrong.length > 0) throw new UsageError(limited(wrong).join('\n'))
  const whole = { ...inventory, vars: vars.data, hosts }
  const apart = schema.together?.(whole) ?? []
  if (apart.length > 0) throw new UsageError(limited(apart).join('\n'))
  return whole
}
