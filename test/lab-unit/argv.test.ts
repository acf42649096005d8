import { expect, test } from 'vitest'
import { topology } from '../../inventory/topology.ts'
import { labFiles } from '../../lib/lab/model/lab-options.ts'
import { linksOf, machineOf, management } from '../../lib/lab/model/topology.ts'
import { machineArgv, switchArgv } from '../../lib/lab/processes/argv.ts'

const files = labFiles({ stateDir: '/state', topology }, 1000)
const start = { acceleration: 'tcg', kernel: '/image/vmlinuz', port: 2222 } as const
const { machines } = topology
const all = machines.map((machine) => machineArgv(machine, files, start))

test('listens on 127.0.0.1 and on unix sockets only', () => {
  for (const argv of all) {
    for (const arg of argv.filter((text) => /hostfwd|addr\.type|^unix:|^tcp|vnc|spice/.test(text)))
      expect(arg).toMatch(/hostfwd=tcp:127\.0\.0\.1:\d+-:22$|addr\.type=unix|^unix:/)
    const addresses = argv.join(' ').match(/\b\d+\.\d+\.\d+\.\d+\b/g) ?? []
    expect(addresses.every((address) => address === '127.0.0.1')).toBe(true)
    expect(argv[argv.indexOf('-display') + 1]).toBe('none')
    expect(argv).toContain('-nodefaults')
  }
})

test('keeps the guests from reaching out through the management card', () => {
  for (const argv of all) expect(argv.join(' ')).toContain('restrict=on')
})

test('gives every cable an end in the switch', () => {
  const words = switchArgv(files)
  const ends = words.filter((word) => word.endsWith('.sock'))
  const plugs = all.flatMap((argv) => argv.filter((arg) => arg.startsWith('stream,')))
  const plug = (arg: string) => arg.replace(/^stream,id=net-(\w+),addr.type=unix,addr.path=/, '$1=')
  expect(ends.sort()).toEqual(plugs.map(plug).sort())
  for (const end of ends) expect(end).toMatch(/^em[1234]=\/.*\.sock$/)
})

test('gives each node a BMC on em4, and it a control socket of its own', () => {
  const words = switchArgv(files)
  const bmcs = words.filter((_, index) => words[index - 1] === '-bmc')
  expect(bmcs).toEqual([
    'em4=bmc-M1,172.16.200.110,52:54:00:7a:01:bc',
    'em4=bmc-M2,172.16.200.111,52:54:00:7a:02:bc',
  ])
  const sockets = (name: 'M1' | 'C1') =>
    machineArgv(machineOf(topology, name), files, start).filter((word) => word.startsWith('unix:'))
  expect(sockets('M1')).toEqual(
    [files.qmp('M1'), files.bmcQmp('M1')].map((path) => `unix:${path},server=on,wait=off`),
  )
  expect(sockets('C1')).toHaveLength(1)
})

test('says no password to any process', () => {
  expect([...switchArgv(files), ...all.flat()].join(' ')).not.toMatch(/pass/i)
})

test('runs emulated processors as the plain model and KVM as the host', () => {
  const processorOf = (acceleration: 'tcg' | 'kvm') => {
    const argv = machineArgv(machineOf(topology, 'M1'), files, { ...start, acceleration })
    return argv[argv.indexOf('-cpu') + 1]
  }
  expect(processorOf('tcg')).toMatch(/^qemu64/)
  expect(processorOf('kvm')).toMatch(/^host/)
})

test('starts paused where it restores a snapshot', () => {
  const argv = machineArgv(machineOf(topology, 'M1'), files, { ...start, snapshot: 'clean' })
  expect(argv.slice(-3)).toEqual(['-loadvm', 'clean', '-S'])
})

test('gives a second disk to the pair and none to the client', () => {
  const data = (name: 'M1' | 'C1') => machineArgv(machineOf(topology, name), files, start).join(' ')
  expect(data('M1')).toContain('M1-data.qcow2')
  expect(data('C1')).not.toContain('data.qcow2')
})

test('has the addresses of the article', () => {
  const table = machines.map(({ hostname, cards }) => [
    hostname,
    ...cards
      .filter(({ name }) => name !== management)
      .flatMap((card) => [card.name, ...card.addresses]),
  ])
  expect(table).toEqual(
    [
      ...[
        'M1.redhat.sx em1 192.168.0.210/24 em2 172.16.0.210/24 em3 172.16.100.210/24 em4 172.16.200.210/24',
      ],
      ...[
        'M2.redhat.sx em1 192.168.0.211/24 em2 172.16.0.211/24 em3 172.16.100.211/24 em4 172.16.200.211/24',
      ],
      ...['C1.redhat.sx em1 192.168.0.220/24 192.168.0.1/24'],
    ].map((line) => line.split(' ')),
  )
})

test('cuts a crossover line at both ends, another cable at its machine, a BMC at the switch', () => {
  const ends = [...linksOf(topology)].map(([link, all]) => [
    link,
    all.map(({ machine, card }) => `${machine}.${card}`).join(' '),
  ])
  expect(ends).toEqual([
    ['M1.em1', 'M1.em1'],
    ['M2.em1', 'M2.em1'],
    ['C1.em1', 'C1.em1'],
    ['em2', 'M1.em2 M2.em2'],
    ['em3', 'M1.em3 M2.em3'],
    ['M1.em4', 'M1.em4'],
    ['M2.em4', 'M2.em4'],
    ['bmc-M1', ''],
    ['bmc-M2', ''],
  ])
})
