/** What is exported to whom, with its options. */
export interface Exported {
  readonly path: string
  readonly clients: string
  readonly options: readonly string[]
  /** The file that says so; none where it is what runs (`/var/lib/nfs/etab`). */
  readonly file?: string
}

/** Parses etab, which has all options; a blank in a path is `\040` there. */
export function parseEtab(text: string): Exported[] {
  return [...text.matchAll(/^(\S+)\t([^(\t]+)\(([^)]*)\)/gm)].map(
    ([, path = '', clients = '', options = '']) => ({
      path: path.replaceAll('\\040', ' '),
      clients,
      options: options.split(','),
    }),
  )
}

/** Parses /etc/exports and the files of /etc/exports.d, a line each as `FILE:LINE`; these have only the options that were given. */
export function parseExports(text: string): Exported[] {
  return text
    .replaceAll(/\\\n[^:\n]*:/g, ' ')
    .split('\n')
    .flatMap((line) => {
      const [, file = '', quoted, plain = '', rest = ''] =
        /^([^:]*):\s*(?:"([^"]*)"|([^\s#"]\S*))\s+(.*)$/.exec(line) ?? []
      return [...rest.replace(/(^|\s)#.*/, '').matchAll(/([^\s(]+)?(?:\(([^)]*)\))?/g)]
        .filter(([whole]) => whole !== '')
        .map(([, clients = '*', options = '']) => ({
          path: (quoted ?? plain).replaceAll('\\040', ' '),
          clients,
          options: options.split(','),
          file,
        }))
    })
}

/** How exportfs spells an option in etab that has two names. */
const spelt: Readonly<Record<string, string>> = {
  no_auth_nlm: 'insecure_locks',
  auth_nlm: 'secure_locks',
}

/** What lets more clients do more than exportfs does by itself; wrong unless the inventory says so. */
const unusual = ['insecure', 'nohide', 'crossmnt', 'no_root_squash', 'all_squash']

/** A sentence for each export beside the share's own that reaches into the share, or leads its clients elsewhere. */
export function strayExports(
  found: readonly Exported[],
  path: string,
  clients: string,
): readonly string[] {
  return found.flatMap(({ path: its, clients: whom, options, file }) => {
    const where = file === undefined ? '' : ` (${file})`
    const fsid = options.find((option) => /^fsid=(0|1|root)$/.test(option))
    if (its.startsWith(`${path}/`)) {
      return [`${its}, a part of the share, is exported on its own to ${whom}${where}`]
    }
    if (its !== path) {
      const above = its === '/' || path.startsWith(`${its}/`)
      return [
        ...(fsid === undefined
          ? []
          : [
              `${its} is exported to ${whom} with ${fsid}${where}: ${fsid === 'fsid=1' ? 'that is the number of the share, and its clients may be led there' : `clients of NFS 4 do not find ${path} then`}`,
            ]),
        ...(above && options.includes('crossmnt')
          ? [`${its} is exported to ${whom} with crossmnt${where}, and the share with it`]
          : []),
      ]
    }
    return [
      ...(whom === clients
        ? []
        : [`${path} is also exported to ${whom}${where}, which the inventory does not say`]),
      ...(options.includes('async')
        ? [
            `${path} is exported async to ${whom}${where}: clients are told that a write is safe before it is, and lose it when this node dies`,
          ]
        : []),
    ]
  })
}

/** A sentence for each line of a node's files, from `grep -H`, that says something else of the share; it counts at the next start. */
export function exportFileProblems(text: string, path: string, clients: string): string[] {
  const found = parseExports(text)
  const twice = found.filter((one) => one.path === path && one.clients === clients).slice(1)
  return [
    ...strayExports(found, path, clients),
    ...twice.map(({ file }) => `${path} is exported to ${clients} by a second line (${file})`),
  ]
}

/** A sentence for each way in which the running exports are not what the inventory says. */
export function exportProblems(
  found: readonly Exported[],
  path: string,
  clients: string,
  options: readonly string[],
): string[] {
  const ours = found.find((one) => one.path === path && one.clients === clients)
  const wanted = options.map((option) => spelt[option] ?? option)
  const lacks = ours ? wanted.filter((option) => !ours.options.includes(option)) : []
  const added = ours
    ? unusual.filter((option) => ours.options.includes(option) && !wanted.includes(option))
    : []
  return [
    ...(ours ? [] : [`${path} is not exported to ${clients}`]),
    ...strayExports(found, path, clients),
    ...(lacks.length > 0 ? [`${path} is exported to ${clients} without ${lacks.join(', ')}`] : []),
    ...(added.length > 0
      ? [
          `${path} is exported to ${clients} with ${added.join(', ')}, which the inventory does not say`,
        ]
      : []),
  ]
}
