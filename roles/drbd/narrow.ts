import type { NodeContext } from '../../inventory/schema.ts'
import { change, role, task } from '../../lib/index.ts'
import { dopdFolder } from './fencing.ts'

/** What an older Tandem let heartbeat's user run as root, whole. */
const helper = '/lib/drbd/drbdsetup-84'

/** Heartbeat's user can have a disk marked Outdated, and nothing else done; after heartbeat runs with that. */
export default role('drbd/narrow', ({ vars }: NodeContext) =>
  vars.recipe === 'article'
    ? []
    : [
        task(`only root may run ${helper} as root`, {
          barrier: true,
          check: async ({ $ }) => {
            // One that was started by an older Tandem needs it until heartbeat is started again.
            const { stdout: old } =
              await $`for one in /proc/[0-9]*; do read -r name <$one/comm && [ "$name" = dopd ] && ! tr '\\0' '\\n' <$one/environ | grep -q ${`^PATH=${dopdFolder}:`} && echo old; done 2>/dev/null; true`
            if (old.trim() !== '') return undefined
            const [kept, there] = await Promise.all([
              $`dpkg-statoverride --list ${helper}`.nothrow(),
              $`stat -c '%U %G %a' ${helper}`.nothrow(),
            ])
            const mode = there.stdout.trim()
            const wrong = [
              ...(kept.stdout.trim() === '' ? [] : ['dpkg keeps another mode']),
              ...(mode === '' || mode === 'root root 755' ? [] : [`is ${mode}`]),
            ]
            return wrong.length > 0 ? change(wrong.join(', ')) : undefined
          },
          apply: async ({ sh }) => {
            await sh`if dpkg-statoverride --list ${helper} >/dev/null; then dpkg-statoverride --remove ${helper}; fi
              chown root:root ${helper} && chmod 0755 ${helper}`
          },
        }),
      ],
)
