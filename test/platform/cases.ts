import { readdirSync, readFileSync } from 'node:fs'
import { join } from 'node:path'

/** The cases of a folder: one JSON file each, with a title. */
export function cases<T extends { title: string }>(folder: string): T[] {
  return readdirSync(folder).map((name) => JSON.parse(readFileSync(join(folder, name), 'utf8')))
}
