import type { Context } from './context.ts'
export async function lab(_argv: readonly string[], _context: Context): Promise<number> {
  return 0
}
