import { file, kernelModule, requirement, type Task } from '../../lib/index.ts'

/** What the inventory says of a watchdog: the kernel's own, a device, or none. */
export type Watchdog = string

/** The device that heartbeat keeps quiet as long as it runs. */
export const watchdogDevice = (watchdog: Watchdog): string =>
  watchdog === 'softdog' ? '/dev/watchdog' : watchdog

/** The watchdog is there, now and after a reboot, before heartbeat is told of it. */
export function watchdog(wanted: Watchdog): Task[] {
  if (wanted === 'none') return []
  const device = watchdogDevice(wanted)
  return [
    ...(wanted === 'softdog' ? softdog(device) : []),
    requirement(`watchdog ${device}`, async ({ $, name }) => {
      // udev makes the device a moment after the module is loaded.
      const there = await $`
i=0
until test -c ${device} || [ $i = 50 ]; do [ -d /sys/module/softdog ] || exit 1; i=$((i+1)); sleep 0.2; done
test -c ${device}`.nothrow()
      if (there.exitCode === 0) return
      throw new Error(
        `${name}: expected the watchdog ${device}, got no such device: load its driver, or use the kernel's own (heartbeat.watchdog: 'softdog')`,
      )
    }),
  ]
}

/** Loaded where nothing else provides the device. */
function softdog(device: string): Task[] {
  const loaded = kernelModule('softdog')
  return [
    file('/etc/modules-load.d/tandem-watchdog.conf', 'softdog\n'),
    {
      ...loaded,
      check: async (host) => {
        const { exitCode } = await host.$`test -c ${device}`.nothrow()
        return exitCode === 0 ? undefined : loaded.check(host)
      },
    },
  ]
}
