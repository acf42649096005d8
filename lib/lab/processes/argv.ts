import type { LabFiles } from '../model/lab-options.ts'
import { bmcName, bmcsOf, cable, type MachinePlan, management } from '../model/topology.ts'

export type Acceleration = 'kvm' | 'tcg'

/** The process that carries the cables; it has no machine of its own. */
export const switchName = 'switch'

/** How the processors are run. TCG gets the plain model: reduced versions of `max` corrupted memory. */
export function processor(acceleration: Acceleration): string[] {
  return acceleration === 'kvm'
    ? // Many hosts refuse to set the register behind arch-capabilities; guests do without it.
      ['-accel', 'kvm', '-cpu', 'host,-arch-capabilities']
    : ['-accel', 'tcg,thread=multi,tb-size=256', '-cpu', 'qemu64,+rdrand']
}

/** What a machine boots with; its root disk has no partition table. */
export function kernelLine({ hostname }: Pick<MachinePlan, 'hostname'>): string {
  return [
    'root=/dev/vda rw console=ttyS0 quiet loglevel=4 mitigations=off random.trust_cpu=on',
    'audit=0 apparmor=0 nowatchdog systemd.show_status=0',
    // Programs at the same addresses each time find their translated code again: under emulation
    // a fork with exec takes 5 ms instead of 20.
    'norandmaps init_on_alloc=0 cgroup_disable=memory rcupdate.rcu_expedited=1',
    `systemd.hostname=${hostname}`,
  ].join(' ')
}

/** Options every process has: no devices of its own, a control socket, a pid file, background. */
function common(process: string, files: LabFiles): string[] {
  return [
    ...['-name', `guest=tandem-${process}`, '-nodefaults', '-no-user-config', '-display', 'none'],
    ...['-qmp', `unix:${files.qmp(process)},server=on,wait=off`],
    ...['-D', files.log(process), '-daemonize', '-pidfile', files.pid(process)],
  ]
}

/** The switch's words: its files, the BMCs, then a segment and a socket for each card plugged in. */
export function switchArgv(files: LabFiles): string[] {
  const cards = files.topology.machines.flatMap(({ name, cards }) =>
    cards.filter((card) => card.name !== management).map((card) => ({ name, card })),
  )
  const bmcs = bmcsOf(files.topology).flatMap(({ name, bmc }) => [
    '-bmc',
    `${bmc.segment}=${bmcName(name)},${bmc.address},${bmc.mac}`,
  ])
  const ends = cards.map(({ name, card }) => `${card.name}=${files.link(cable(name, card.name))}`)
  const own = ['-pidfile', files.pid(switchName), '-control', files.control(switchName)]
  return [...own, ...bmcs, ...ends]
}

/** What a machine is started with, besides its plan. */
export interface StartOptions {
  readonly acceleration: Acceleration
  /** The image's kernel. */
  readonly kernel: string
  /** Port on 127.0.0.1 that leads to the guest's SSH server. */
  readonly port: number
  /** Level to restore instead of booting; the machine then waits for `cont`. */
  readonly snapshot?: string
}

/** The command line of one machine. */
export function machineArgv(machine: MachinePlan, files: LabFiles, start: StartOptions): string[] {
  const { name } = machine
  const drive = (disk: 'root' | 'data') => [
    '-drive',
    // Flushes are honoured: with `unsafe`, QEMU keeps its own tables in memory, and a pulled plug
    // would lose what the guest was told is on disk.
    `if=none,id=${disk},file=${files.disk(name, disk)},format=qcow2,cache=writeback,discard=unmap`,
    '-device',
    `virtio-blk-pci,drive=${disk},serial=${disk}`,
  ]
  const cards = machine.cards.flatMap((card) => [
    '-netdev',
    card.name === management
      ? `user,id=net-${management},ipv6=off,restrict=on,hostfwd=tcp:127.0.0.1:${start.port}-:22`
      : `stream,id=net-${card.name},addr.type=unix,addr.path=${files.link(cable(name, card.name))}`,
    '-device',
    `virtio-net-pci,id=${card.name},netdev=net-${card.name},mac=${card.mac},romfile=`,
  ])
  return [
    ...['-M', 'pc', ...processor(start.acceleration), '-m', `${machine.memoryMib}`],
    // Room for a second processor, though there is one: where no other thread could be looking, TCG
    // leaves out the guest's memory barriers, and a disk or card that another thread serves misses a
    // request and hangs for good.
    ...['-smp', 'cpus=1,maxcpus=2'],
    ...common(name, files),
    ...(machine.bmc ? ['-qmp', `unix:${files.bmcQmp(name)},server=on,wait=off`] : []),
    ...['-rtc', 'base=utc', '-device', 'virtio-rng-pci'],
    ...['-kernel', start.kernel, '-initrd', files.initrd(name), '-append', kernelLine(machine)],
    ...['-chardev', `file,id=console,path=${files.serial(name)},append=on`],
    ...['-serial', 'chardev:console'],
    ...drive('root'),
    ...(machine.volumes ? drive('data') : []),
    ...cards,
    ...(start.snapshot ? ['-loadvm', start.snapshot, '-S'] : []),
  ]
}
