import { join } from 'node:path'
import { provideSecrets } from '../../core/secret.ts'
import type { Playbook } from '../../core/task.ts'
import { type PlannedPlay, plan } from '../../engine/plan.ts'
import { available, load, unstartedLab } from '../../inventory/index.ts'
import type { Packages, Topology } from '../../lab/index.ts'
import type { Context } from '../common/context.ts'
import { loadPlaybook, whole } from '../playbooks/catalogue.ts'

/**
 * What `site` installs on the lab's machines, by the image that they boot from, for every inventory of the lab: the
 * images hold these packages, since the machines reach no archive.
 */
export async function labPackages(topology: Topology, context: Context): Promise<Packages> {
  const site = await loadPlaybook(whole, join(context.root, 'playbooks'))
  const folder = join(context.root, 'inventory')
  // Names of packages need no secrets; a run takes the real ones when it has the lab.
  provideSecrets((name) => `(secret ${name})`)
  const packages = Object.fromEntries(
    Object.keys(topology.images).map((image) => [image, new Set<string>()]),
  )
  for (const name of await available(folder)) {
    for (const { hosts } of await plannedOn(site, name, folder)) {
      for (const { host, tasks } of hosts) {
        const image = topology.machines.find((machine) => machine.name === host)?.image
        if (image === undefined) continue
        for (const { task } of tasks)
          for (const one of task.packages ?? []) packages[image]?.add(one)
      }
    }
  }
  return Object.fromEntries(Object.entries(packages).map(([image, names]) => [image, [...names]]))
}

/** What site would run on an inventory of the lab; nothing where it has a mistake, which a run on that inventory reports. */
async function plannedOn(site: Playbook, name: string, folder: string): Promise<PlannedPlay[]> {
  try {
    const loaded = await load(name, folder)
    return loaded.kind === 'embedded-lab' ? plan(site, loaded.build(unstartedLab)) : []
  } catch {
    return []
  }
}
