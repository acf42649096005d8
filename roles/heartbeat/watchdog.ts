import { change, file, type Task, task } from '../../lib/index.ts'

/** What the inventory says of a watchdog: the kernel's own, a device, or none. */
export type Watchdog = string

/** The device that heartbeat keeps quiet as long as it runs. */
export const watchdogDevice = (watchdog: Watchdog): string =>
  watchdog === 'softdog' ? '/dev/watchdog' : watchdog

/** The watchdog is there, now and after a reboot, before heartbeat is told of it. */
export function watchdog(wanted: Watchdog): Task[] {
  if (wanted === 'none') return []
  const device = watchdogDevice(wanted)
  const there = async ($: Parameters<Task['check']>[0]['$']) =>
    (await $`test -c ${device}`.nothrow()).exitCode === 0
  return [
    ...(wanted === 'softdog'
      ? [file('/etc/modules-load.d/tandem-watchdog.conf', 'softdog\n')]
      : []),
    task(`watchdog ${device}`, {
      check: async ({ $, name }) => {
        if (await there($)) return
        if (wanted === 'softdog') return change('softdog is not loaded')
        throw new Error(
          `${name}: expected the watchdog ${device}, got no such device: load its driver, or use the kernel's own (heartbeat.watchdog: 'softdog')`,
        )
      },
      apply: async ({ sh }) => {
        await sh`modprobe softdog && udevadm settle --timeout=10`
      },
    }),
  ]
}
