/** APT's and dpkg's usual complaints and what an administrator would call them; first match wins. */
const known: readonly (readonly [RegExp, (match: RegExpExecArray, text: string) => string])[] = [
  [
    /dpkg frontend lock was locked by another process(?: with pid (\d+))?/,
    ([, pid]) =>
      `dpkg is in use by ${pid ? `process ${pid}` : 'another process'}; another installation is running`,
  ],
  [
    /Could not (?:get lock|open lock file) (\S+?)\.?(?: (?:It|-).*?held by process (\d+) \(([^)]*)\))?[\s.]/,
    ([, lock, pid, program]) =>
      `${lock} is held by ${pid ? `${program}, process ${pid}` : 'another process'}; another installation is running`,
  ],
  [
    /Unable to locate package (\S+)/,
    (_, text) =>
      `no APT source of this host has ${all(text, /Unable to locate package (\S+)/g)}; check the names and sources.list`,
  ],
  [
    /Package '([^']+)' has no installation candidate/,
    ([, name]) => `package ${name} is known but no APT source of this host offers it`,
  ],
  [
    /You don't have enough free space in (\S+?)\.?\s/,
    ([, where]) => `not enough free space in ${where}`,
  ],
  [/No space left on device/, () => 'the disk is full (no space left on device)'],
  [/Read-only file system/, () => 'a filesystem is mounted read-only'],
  [
    /Temporary failure resolving '([^']+)'/,
    ([, name]) => `cannot resolve ${name}: this host has no working name service or network`,
  ],
  [
    /(?:Could not connect to|Cannot initiate the connection to|Unable to connect to) (\S+?):/,
    ([, name]) => `cannot connect to ${name}: no network, or the package source is down`,
  ],
  [
    /Failed to fetch (\S+)\s+404/,
    ([, url]) => `the source no longer has ${url}; the package lists are outdated`,
  ],
  [/Failed to fetch (\S+)\s+(.*)/, ([, url, why]) => `cannot fetch ${url}: ${why}`],
  [
    /(?:repository '?([^'\n]*?)'? is not signed|NO_PUBKEY (\S+)|packages cannot be authenticated)/,
    ([, source, key]) =>
      `a package source cannot be trusted${source ? ` (${source} is not signed)` : key ? ` (key ${key} is missing)` : ''}`,
  ],
  [
    /The following packages have unmet dependencies:\n((?: .*\n?)+)/,
    ([, lines = '']) =>
      `unmet dependencies: ${lines
        .trim()
        .replace(/\s*\n\s*/g, '; ')
        .replace(/ +/g, ' ')}`,
  ],
  [
    /dpkg: error processing (?:package|archive) (\S+) \((\S+)\):\n\s*(.*)/,
    ([, name, step, why]) => `dpkg failed on ${name} (${step}): ${why}`,
  ],
  [
    /Errors were encountered while processing:\n((?: .*\n?)+)/,
    ([, names = '']) => `dpkg failed on ${names.trim().split(/\s+/).join(', ')}`,
  ],
  [/dpkg was interrupted/, () => 'an earlier installation was interrupted and cannot be repaired'],
]

/** One sentence out of what apt-get or dpkg wrote when it failed. */
export function explainApt(text: string): string {
  for (const [pattern, say] of known) {
    const match = pattern.exec(`${text}\n`)
    if (match) return say(match, text)
  }
  const errors = text.split('\n').filter((line) => /^(E|dpkg): /.test(line))
  if (errors.length > 0) return errors.map((line) => line.replace(/^E: /, '')).join('; ')
  return text.trim().split('\n').at(-1)?.trim() || 'no reason given'
}

/** Whether it failed because another process holds one of APT's or dpkg's locks. */
export function isLocked(text: string): boolean {
  return /Could not (get lock|open lock file).*(unavailable|held)|frontend lock was locked/.test(
    text,
  )
}

/** Whether fresh package lists could make a failed installation possible. */
export function staleLists(text: string): boolean {
  return /Unable to locate package|has no installation candidate|Failed to fetch \S+\s+404/.test(
    text,
  )
}

function all(text: string, pattern: RegExp): string {
  return [...text.matchAll(pattern)].map((match) => match[1]).join(', ')
}
