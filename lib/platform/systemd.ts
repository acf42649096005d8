import { type Batch, inBatch } from '../core/batch.ts'
import type { CheckHost } from '../core/task.ts'
import type { ServiceAction, ServiceManager } from './platform.ts'
import { parseShow, showProperties } from './systemd-state.ts'

const separator = '=== more'

/** systemd goes on with the old unit file until it is told to read them again; a unit that failed too often is refused a start. */
const readied = `[ "$(systemctl show -p NeedDaemonReload --value -- "$1")" = yes ] && systemctl daemon-reload
systemctl reset-failed -- "$1" 2>/dev/null;`

interface Unit {
  readonly unit: string
  readonly more: string | undefined
}

type Read = Awaited<ReturnType<ServiceManager['read']>>

const units: Batch<Unit, Read> = { alone: readAlone, all: readAll }

async function readAlone(host: CheckHost, { unit, more }: Unit): Promise<Read> {
  const answer =
    more === undefined
      ? await host.$`systemctl show -p ${showProperties} --timestamp=us+utc -- ${unit}`.nothrow()
      : await host.$`
systemctl show -p ${showProperties} --timestamp=us+utc -- ${unit} || exit
echo ${separator}
eval ${more}`.nothrow()
  const [shown = '', ...rest] = answer.stdout.split(`${separator}\n`)
  const asked = more === undefined ? answer.exitCode === 0 : rest.length > 0
  if (!asked) {
    const why = answer.stderr.trim() || `exit code ${answer.exitCode}`
    throw new Error(`Cannot ask systemd about ${unit}: ${why}`)
  }
  const { stderr } = answer
  return { state: parseShow(shown, unit), more: { stdout: rest.join(`${separator}\n`), stderr } }
}

/** One `systemctl` for all; whatever goes wrong is told by asking each alone. */
async function readAll(host: CheckHost, questions: readonly Unit[]): Promise<Read[]> {
  const names = questions.map(({ unit }) => unit)
  const mores = questions.map(({ more }) => more ?? ':')
  const answer = await host.$`
systemctl show -p ${showProperties} --timestamp=us+utc -- ${names} || exit
for more in ${mores}; do echo ${separator}; ( eval "$more" ) || exit; done`
  const [shown = '', ...rest] = answer.stdout.split(`${separator}\n`)
  const blocks = shown.trimEnd().split('\n\n')
  if (blocks.length !== names.length || rest.length !== names.length) {
    throw new Error(`Expected ${names.length} units from systemctl show, got ${blocks.length}`)
  }
  return names.map((unit, index) => ({
    state: parseShow(blocks[index] ?? '', unit),
    more: { stdout: rest[index] ?? '', stderr: '' },
  }))
}

/** systemd, through systemctl; init scripts too, which systemd wraps in generated units. */
export const systemd: ServiceManager = {
  read: (host, unit, more) => inBatch(host, units, { unit, more }),

  async generatedIsEnabled(host, unit) {
    const { stdout, stderr } = await host.$`systemctl is-enabled -- ${unit}`.nothrow()
    const word = stdout.trim()
    if (word === 'enabled' || word === 'disabled') return word === 'enabled'
    throw new Error(
      `Expected whether ${unit} is enabled, got ${word || stderr.trim() || 'nothing'}`,
    )
  },

  start: act('start', `${readied} systemctl start -- "$1"`),
  restart: act('restart', `${readied} systemctl restart -- "$1"`),
  reload: act('reload', 'systemctl reload -- "$1"'),
  stop: act('stop', 'systemctl stop -- "$1"'),
  enable: act('enable', 'systemctl enable --quiet -- "$1"'),
  disable: act(
    'disable',
    'systemctl disable --quiet -- "$1" && systemctl disable --runtime --quiet -- "$1"',
  ),
  mask: act('mask', 'systemctl mask --quiet -- "$1"'),
  unmask: act(
    'unmask',
    'systemctl unmask --runtime --quiet -- "$1" && systemctl unmask --quiet -- "$1"',
  ),

  async lastWords(host, unit) {
    // Without a journal journalctl prints nothing and is content; status then says more.
    const { stdout } = await host.$`
log=$(journalctl -q --no-pager -o cat -n 10 -u ${unit} 2>/dev/null)
if [ -n "$log" ]; then printf '%s' "$log"; else systemctl status --no-pager -n 10 -- ${unit}; fi`.nothrow()
    return stdout.trim()
  },
}

/** Takes a step by a script, whose `$1` is the unit. */
function act(verb: ServiceAction, script: string): ServiceManager[ServiceAction] {
  return async (host, unit) => {
    const done = await host.sh`set +e; set -- ${unit}; eval ${script}`.nothrow()
    if (done.exitCode === 0) return
    const why = done.stderr.trim() || `exit code ${done.exitCode}`
    const said = ['start', 'restart', 'reload'].includes(verb)
    const words = said ? await systemd.lastWords(host, unit) : ''
    throw new Error(`Cannot ${verb} ${unit}: ${why}${words && `\nIts last messages:\n${words}`}`)
  }
}
