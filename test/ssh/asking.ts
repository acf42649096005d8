import { writeFileSync } from 'node:fs'
import { join } from 'node:path'

/**
 * Puts a `sudo` and a `su` into `bin` that ask as the real ones do (a lecture and a prompt on stderr, a
 * line from standard input, three tries) and run what they are given; each try is noted in `bin/asked`.
 */
export function putAsking(bin: string, password: string): void {
  const asking = (prompt: string, run: string) => `#!/bin/sh
[ "$1" = -n ] && { echo 'sudo: a password is required' >&2; exit 1; }
echo 'We trust you have received the usual lecture.' >&2
for try in 1 2 3; do
  printf %s ${prompt} >&2
  IFS= read -r line || exit 1
  echo "$try" >>${bin}/asked
  [ "$line" = "$(cat ${bin}/word)" ] && exec ${run}
  echo 'Sorry, try again.' >&2
done
exit 1
`
  writeFileSync(join(bin, 'word'), password)
  const programs = {
    sudo: asking('"$(printf %s "$3" | sed s/%%/%/g)"', '"$5" "$6" "$7"'),
    su: asking("'Password: '", '"$2" "$3" "$4"'),
  }
  for (const [name, text] of Object.entries(programs)) {
    writeFileSync(join(bin, name), text, { mode: 0o755 })
  }
}
