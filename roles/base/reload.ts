import { change, type Task, task } from '../../lib/index.ts'

/** systemd goes by the unit files that are on disk now, drop-ins included. */
export function unitKnown(unit: string): Task {
  return task(`systemd knows the files of ${unit}`, {
    check: async ({ $ }) => {
      const { stdout } = await $`systemctl show --property NeedDaemonReload --value ${unit}`
      return stdout.trim() === 'yes' ? change('they are newer') : undefined
    },
    apply: async ({ sh }) => {
      await sh`systemctl daemon-reload`
    },
  })
}
