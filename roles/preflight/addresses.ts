/** One IPv4 address on one card. */
export interface Address {
  readonly device: string
  readonly address: string
  readonly prefix: number
}

/** Parses `ip -o -4 addr show`. */
export function parseAddresses(text: string): Address[] {
  return [...text.matchAll(/^\d+:\s+(\S+)\s+inet\s+([\d.]+)\/(\d+)/gm)].map((match) => ({
    device: match[1] ?? '',
    address: match[2] ?? '',
    prefix: Number(match[3]),
  }))
}

/** A sentence for each planned address that is not where the plan has it. */
export function missingAddresses(plan: readonly Address[], found: readonly Address[]): string[] {
  return plan.flatMap(({ device, address, prefix }) => {
    const wanted = `${address}/${prefix}`
    const here = found.filter((one) => one.device === device)
    if (here.some((one) => one.address === address && one.prefix === prefix)) return []
    const got = here.map((one) => `${one.address}/${one.prefix}`).join(', ') || 'no address'
    const elsewhere = found.find((one) => one.address === address && one.device !== device)
    const hint = elsewhere ? ` (${address} is on ${elsewhere.device})` : ''
    return [`expected ${wanted} on ${device}, got ${got}${hint}`]
  })
}
