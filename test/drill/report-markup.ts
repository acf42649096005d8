/** Elements of a page, by name, if it is well-formed as XML is; a sentence on the first flaw if not. */
export function elementsOf(page: string): string[] {
  const open: string[] = []
  const found: string[] = []
  const ids = new Set<string>()
  // The style sheet is the one part that is no markup.
  const text = page.replace(/<style>[^<]*<\/style>/g, '').replace(/^<!DOCTYPE html>\n/, '')
  const tag = /<(\/?)([a-zA-Z][\w-]*)((?:\s+[\w:-]+="[^"<]*")*)\s*(\/?)>/y
  let at = 0
  while (at < text.length) {
    const next = text.indexOf('<', at)
    const between = text.slice(at, next < 0 ? undefined : next)
    if (/>|&(?!(?:amp|lt|gt|quot|#39|#173);)/.test(between))
      throw new Error(`not escaped: ${between}`)
    if (next < 0) break
    tag.lastIndex = next
    const match = tag.exec(text)
    if (!match) throw new Error(`no tag: ${text.slice(next, next + 60)}`)
    const [all, closes, name = '', attributes = '', empty] = match
    if (closes) {
      const last = open.pop()
      if (last !== name) throw new Error(`</${name}> closes <${last}>`)
    } else {
      found.push(name)
      for (const [, key, value = ''] of attributes.matchAll(/([\w:-]+)="([^"]*)"/g)) {
        if (/&(?!(?:amp|lt|gt|quot|#39);)/.test(value)) throw new Error(`not escaped: ${value}`)
        if (key === 'id' && ids.has(value)) throw new Error(`twice the id ${value}`)
        if (key === 'id') ids.add(value)
      }
      if (!empty) open.push(name)
    }
    at = next + all.length
  }
  if (open.length > 0) throw new Error(`never closed: ${open.join(' ')}`)
  for (const [, one = '', two = ''] of page.matchAll(/aria-labelledby="(\S+?)(?: (\S+?))?"/g)) {
    for (const id of [one, two]) if (id && !ids.has(id)) throw new Error(`no element ${id}`)
  }
  for (const [, id = ''] of page.matchAll(/href="#([^"]*)"/g)) {
    if (!ids.has(id)) throw new Error(`a link to nowhere: ${id}`)
  }
  return found
}
