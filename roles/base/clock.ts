/**
 * Offset from the server in seconds, out of `chronyc -c tracking`; undefined while not synchronised.
 * Fields: reference id, address, stratum, reference time, offset, …, leap status (chronyc(1)).
 */
export function clockOffset(csv: string): number | undefined {
  const fields = csv.trim().split(',')
  const offset = Number(fields[4])
  if (fields.length < 14 || !Number.isFinite(offset)) {
    throw new Error(`chronyc tracking: expected 14 fields, got \`${csv.trim()}\``)
  }
  return fields.at(-1) === 'Not synchronised' ? undefined : offset
}
