const bits = (address: string) =>
  address.split('.').reduce((number, octet) => number * 256 + Number(octet), 0)
const text = (number: number) =>
  [24, 16, 8, 0].map((shift) => Math.floor(number / 2 ** shift) % 256).join('.')
const size = (prefix: number) => 2 ** (32 - prefix)

/** The network of an address: 192.168.0.210 with 24 is in 192.168.0.0/24. */
export function networkOf({ address, prefix }: { address: string; prefix: number }): string {
  return `${text(Math.floor(bits(address) / size(prefix)) * size(prefix))}/${prefix}`
}

/** Whether an address is in a network such as 192.168.0.0/24. */
export function contains(network: string, address: string): boolean {
  const [base = '', prefix = '32'] = network.split('/')
  const at = { prefix: Number(prefix) }
  return networkOf({ ...at, address: base }) === networkOf({ ...at, address })
}

/** What no machine can have as its own: the network itself, or its broadcast address. */
export function isReserved({ address, prefix }: { address: string; prefix: number }): boolean {
  const place = bits(address) % size(prefix)
  return prefix < 31 && (place === 0 || place === size(prefix) - 1)
}
