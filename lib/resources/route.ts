import { isIPv4 } from 'node:net'
import { UsageError } from '../core/errors.ts'
import type { Task } from '../core/task.ts'
import { resource, type TaskOptions } from './shared/resource.ts'
import { matching, show } from './shared/validate.ts'

/** What `route` is told. */
export interface RouteOptions extends TaskOptions {
  readonly device: string
  /** The router; without it, the hosts are on the device's own line. */
  readonly via?: string
}

/**
 * The one IPv4 route to an address or network (`10.0.2.2`, `10.0.2.0/24`), until the next boot: what makes it last
 * differs between network managers, and is the role's to write.
 */
export function route(to: string, options: RouteOptions): Task {
  const { device, via } = options
  const [address = '', bits = '32', ...rest] = to.split('/')
  if (!isIPv4(address) || rest.length > 0 || !/^([0-9]|[12][0-9]|3[0-2])$/.test(bits)) {
    throw new UsageError(`Expected an IPv4 address or network, got ${show(to)}`)
  }
  const net = number(address)
  if (bits === '0' || net % 2 ** (32 - Number(bits)) !== 0) {
    throw new UsageError(
      `Expected an address, or a network of /1 or longer whose host bits are zero, got ${show(to)}`,
    )
  }
  if (via !== undefined && !isIPv4(via)) {
    throw new UsageError(`Expected the IPv4 address of a router for ${to}, got ${show(via)}`)
  }
  matching(device, /^[\w.@:-]{1,15}$/, `the name of a network device for ${to}`)
  const way = [...(via === undefined ? [] : ['via', via]), 'dev', device]
  // The kernel shows a host's route without the /32.
  const shown = `${bits === '32' ? address : to} ${way.join(' ')}`

  return resource(`route to ${to} over ${device}`, options, {
    async check({ $ }) {
      const { stdout } = await $`ip -4 route show ${`${address}/${bits}`}`
      const there = stdout.trim()
      if (there === shown || there.startsWith(`${shown} `)) return undefined
      return { summary: there ? `route is \`${there}\`` : 'no route' }
    },
    async apply({ sh }) {
      await sh`ip -4 route replace ${`${address}/${bits}`} ${way}`
    },
  })
}

const number = (address: string): number =>
  address.split('.').reduce((sum, part) => sum * 256 + Number(part), 0)
