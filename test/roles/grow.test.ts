import { expect, it } from 'vitest'
import { parseHead } from '../../roles/grow/index.ts'

const head = (journal: number) => `Filesystem volume name:   <none>
Block count:              32736
Reserved block count:     1638
Block size:               1024
Reserved GDT blocks:      255
Total journal size:       ${journal}k
Total journal blocks:     ${journal}
`

it('a filesystem says how large it is, and whether it can grow while it is mounted', () => {
  expect(parseHead(head(1024), '/dev/drbd1')).toEqual({ bytes: 32_736 * 1024, isFixed: true })
  expect(parseHead(head(4096), '/dev/drbd1')).toEqual({ bytes: 32_736 * 1024, isFixed: false })
})

it('what says nothing of its size is not believed', () => {
  expect(() => parseHead('', '/dev/drbd1')).toThrow('expected the size of /dev/drbd1, got none')
})
