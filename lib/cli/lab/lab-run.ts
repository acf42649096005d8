import { join } from 'node:path'
import { sentence } from '../../core/errors.ts'
import type { LabFacts } from '../../inventory/index.ts'
import { harmless } from '../../report/colour.ts'
import type { Given, SecretFiles } from '../../secrets/secret-store.ts'
import type { Context } from '../common/context.ts'
import { interruption } from '../common/signals.ts'
import { labModule, labSettings } from './lab-module.ts'
import { labPackages } from './lab-packages.ts'

/** Brings the embedded lab up, saying how far it is, and returns what its inventory needs to know. */
export async function bringUp(install: boolean, context: Context): Promise<LabFacts> {
  const lab = await labModule(context)
  const packages = await labPackages(lab.topology, context)
  const stop = interruption((signal) =>
    context.stderr.write(
      `${signal}: the lab command stops; press Ctrl-C again to stop it at once\n`,
    ),
  )
  try {
    return await lab.up(labSettings(lab, context, { install, signal: stop.signal }), {
      packages,
      keepOff: true,
    })
  } finally {
    stop.dispose()
  }
}

/** Where the lab keeps its secrets: `lab destroy` ends them with it. */
export async function secretFiles(context: Context): Promise<SecretFiles> {
  const { stateDir } = (await labModule(context)).labPaths(context.env)
  return { secrets: join(stateDir, 'secrets.age'), identity: join(stateDir, 'identity.txt') }
}

/** What the lab itself knows of its inventory's secrets: the passwords of the nodes' BMCs. */
export async function givenSecrets(context: Context): Promise<Given> {
  const { bmcPasswords, labPaths, topology } = await labModule(context)
  const passwords = bmcPasswords({ ...labPaths(context.env), topology })
  return Object.fromEntries(
    Object.entries(passwords ?? {}).map(([node, password]) => [`fencing.${node}`, password]),
  )
}

/** Keeps the converged state for `lab reset converged`; that it fails is worth a line, not an error. */
export async function snapshot(context: Context): Promise<void> {
  try {
    const lab = await labModule(context)
    await lab.saveSnapshot(labSettings(lab, context, { install: false }), 'converged')
    context.stderr.write('Kept as `converged`: npm run lab reset converged returns to it\n')
  } catch (error) {
    context.stderr.write(`The converged state was not kept: ${harmless(sentence(error))}\n`)
  }
}
