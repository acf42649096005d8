import type { LabStatus } from '../../lab/index.ts'

/** The lab at a glance: a line a machine, then what they run on, what is cut, what was saved. */
export function statusText({ lab, machines, cuts, image }: LabStatus): string {
  const lines = machines.map(({ name, state, port }) => {
    const address = lab && port !== undefined ? `  127.0.0.1:${port}` : ''
    return `${name}  ${state.padEnd('frozen'.length)}${address}`.trimEnd()
  })
  if (!lab) return `${[...lines, 'There is no lab yet: npm run lab up'].join('\n')}\n`
  const saved = Object.entries(lab.snapshots).map(([level, at]) => `${level} (${at})`)
  lines.push(
    `runs on    ${lab.acceleration}, ${lab.forkMs.toFixed(1)} ms a process`,
    `cut        ${cuts.join(', ') || 'none'}`,
    `snapshots  ${saved.join(', ') || 'none'}`,
    `image      ${image ?? 'unknown'}`,
  )
  return `${lines.join('\n')}\n`
}
