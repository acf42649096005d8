import { quote } from '../core/quote.ts'

/**
 * The program that the session's shell reads first. Frames are written by builtins, so a check
 * costs one fork of its own; fd 9 is the run's lock, which no command may inherit.
 *
 * Each command runs in a subshell of the background: `exit`, `exec >/dev/null` and syntax errors
 * stay in there, and its pid is known for a time-out's kill. The nonce never stands in the text as
 * one piece, so that a shell that echoes its input cannot forge a mark.
 */
export function driver(nonce: string): string {
  const half = nonce.length / 2
  return `LC_ALL=C PATH=$PATH:/usr/local/sbin:/usr/sbin:/sbin; export LC_ALL PATH
unset ENV BASH_ENV CDPATH
tandem_nonce=${nonce.slice(0, half)}
tandem_nonce=\${tandem_nonce}${nonce.slice(half)}
tandem_mark() { printf '%s:%s:%s:%s\\n' "$tandem_nonce" "$1" "$2" "$3"; }
tandem_end() { tandem_mark E "$1" "$2" >&2; tandem_mark E "$1" "$2"; }
tandem_wait() {
  tandem_mark P "$1" "$!"
  wait "$!"
  tandem_end "$1" "$?"
}
tandem_run() {
  tandem_script=$2
  ( set --; eval "$tandem_script" ) </dev/null 9>&- &
  tandem_wait "$1"
}
tandem_feed() {
  tandem_script=$2
  printf %s "$3" 9>&- | ( set --; eval "$tandem_script" ) 9>&- &
  tandem_wait "$1"
}
tandem_inner() {
  eval "$2" </dev/null
  tandem_end "$1" "$?"
}
tandem_mark R 0 "$$" >&2
[ -O / ]
tandem_mark R "$?" "$$"
`
}

/** A request as the driver reads it. */
export function request(id: number, script: string, stdin?: string): string {
  return stdin === undefined
    ? `tandem_run ${id} ${quote(oneFork(script))}\n`
    : `tandem_feed ${id} ${quote(script)} ${quote(stdin)}\n`
}

/** A request that the driver's own shell runs; only for text of this library. */
export function innerRequest(id: number, script: string): string {
  return `tandem_inner ${id} ${quote(script)}\n`
}

// Builtins and words of dash, bash and busybox ash that `exec` would miss or that are no command.
const notPrograms = new Set(
  (
    'alias bg bind break builtin caller case cd chdir command compgen complete compopt continue ' +
    'coproc declare dirs disown do done echo elif else enable esac eval exec exit export false fc ' +
    'fg fi for function getopts hash help history if in jobs kill let local logout mapfile popd ' +
    'printf pushd pwd read readarray readonly return select set shift shopt source suspend test ' +
    'then time times trap true type typeset ulimit umask unalias unset until wait while'
  ).split(' '),
)
const wordPattern = String.raw`(?:[\w@%+,./:=^-]|'[^']*'|"[^"$\`\\]*")+`
const simple = new RegExp(
  String.raw`^\s*([A-Za-z/][\w./+-]*)(?:[ \t]+${wordPattern})*(?:[ \t]+(?:2?>[ \t]*/dev/null|2>&1))*\s*$`,
)

/**
 * Lets the subshell become a program that is all the script consists of: a fork saved, which is
 * half the cost of most checks on a slow host.
 */
export function oneFork(script: string): string {
  const program = simple.exec(script)?.[1]
  return program && !notPrograms.has(program) ? `exec ${script.trim()}` : script
}
