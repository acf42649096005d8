import { openChannel, shellCommand } from './channel.ts'
import type { Connection } from './login/connection.ts'

// Signals over SSH do nothing for root's commands in OpenSSH, so a second channel runs kill.
// `ps` costs one fork; without it /proc is read by the shell itself. Each process gets the signal
// once: a second one would hit what its trap for the first has started.
const killer = `s=$1; r=$2; a=" $2 "; own=$3
l=$(ps -eo pid=,ppid=,pgid= 2>/dev/null) || l=
[ "$l" ] || for f in /proc/[0-9]*/stat; do
  read -r x <"$f" || continue
  p=\${x%% *}; x=\${x##*) }; set -- $x; l="$l
$p $2 $3"
done 2>/dev/null
more=1
while [ "$more" ]; do
  more=
  while read -r p q g; do
    case $a in *" $p "*) continue ;; esac
    case "$a$own$g " in *" $q "* | *"group$r "*) a="$a$p "; more=1 ;; esac
  done <<EOF
$l
EOF
done
kill -s "$s" $a 2>/dev/null
exit 0`

/**
 * Signals a process on the host and all its descendants, and with `group` also the process group,
 * where the process has a group of its own; never rejects.
 */
export async function killTree(
  c: Connection,
  pid: number,
  signal: string,
  o: { readonly group?: boolean } = {},
): Promise<void> {
  const name = signal.replace(/^SIG/, '')
  const args = ['-s', '--', name, String(pid), o.group ? 'group' : 'tree']
  try {
    const channel = await openChannel(c, shellCommand(c, args), { control: true })
    channel.resume().stderr.resume()
    channel.end(killer)
    await new Promise((resolve) => channel.once('close', resolve))
  } catch {
    // A lost connection ends the kill; whoever waits for the command hears of the loss itself.
  }
}
