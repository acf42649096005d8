import { pathToFileURL } from 'node:url'

/** Imports a file of the root by its path. A bundle has these files in it, and a table in place of this. */
export function importFile(path: string): Promise<Readonly<Record<string, unknown>>> {
  return import(pathToFileURL(path).href)
}
