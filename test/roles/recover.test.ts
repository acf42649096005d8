import { spawn, spawnSync } from 'node:child_process'
import { mkdirSync, readdirSync, readFileSync, statSync, writeFileSync } from 'node:fs'
import { mkdtemp, rm } from 'node:fs/promises'
import { tmpdir } from 'node:os'
import { basename, join } from 'node:path'
import { afterEach, beforeEach, describe, expect, it } from 'vitest'
import { renderFile } from '../../lib/resources/template.ts'
import { shellOf } from '../../roles/recover/save.ts'

const roles = join(import.meta.dirname, '../../roles')
const sh = (script: string): string => {
  const { status, stdout, stderr } = spawnSync('/bin/sh', ['-ec', script], {
    encoding: 'utf8',
    maxBuffer: 64 * 1024 ** 2,
  })
  if (status !== 0) throw new Error(`exit code ${status}: ${script.slice(0, 300)}: ${stderr}`)
  return stdout.trim()
}
const loops =
  process.getuid?.() === 0 &&
  spawnSync('/bin/sh', [
    '-ec',
    'f=$(mktemp) && truncate -s 8M $f && mkfs.ext4 -q $f && d=$(mktemp -d) && mount -o loop $f $d && umount $d',
  ]).status === 0

/** What stands before a script, to break it. */
const breaks = new Map<string, string>()

/** Runs one of the role's scripts as the role does. */
function script(name: string, data: object): string {
  const own = renderFile(join(roles, 'recover/templates', `${name}.hbs`), data)
  const text = shellOf(`${breaks.get(name) ?? ''}\n${own}`)
  const { status, stdout, stderr } = spawnSync('bash', ['-c', text], { encoding: 'utf8' })
  if (status !== 0) throw new Error(`${name}: exit code ${status}: ${stderr}`)
  return stdout.trim()
}

let base: string
const mounted: string[] = []
beforeEach(async () => {
  base = await mkdtemp(join(tmpdir(), 'tandem-recover-'))
})
afterEach(async () => {
  for (const place of mounted.splice(0).reverse()) sh(`umount ${place}`)
  await rm(base, { recursive: true })
})

function mount(image: string, options = 'loop'): string {
  const place = join(base, `mnt-${mounted.length}`)
  mkdirSync(place, { recursive: true })
  sh(`mount -o ${options} ${image} ${place}`)
  mounted.push(place)
  return place
}
function unmount(place: string): void {
  // Other tests make mount namespaces, and each has a copy of this mount while it lives: the journal is closed with the last.
  sh(`image=$(losetup -nO BACK-FILE "$(findmnt -no SOURCE ${place})")
umount ${place}
for try in $(seq 200)
do dumpe2fs -h "$image" 2>/dev/null | grep -q needs_recovery || exit 0; sleep 0.1
done
echo "$image is still mounted somewhere" >&2; exit 1`)
  mounted.splice(mounted.indexOf(place), 1)
}

const hasAttributes = spawnSync('setfattr', ['--version']).status === 0

/** Two disks that were one: `before` fills it, then each side writes alone. */
function split(before: string, victim: string, survivor: string) {
  const [mine, theirs] = [join(base, 'victim.img'), join(base, 'survivor.img')]
  sh(`truncate -s 128M ${mine} && mke2fs -q -t ext4 -E lazy_itable_init=0 ${mine}`)
  const place = mount(mine)
  sh(`cd ${place}\n${before}`)
  unmount(place)
  sh(`cp --sparse=always ${mine} ${theirs}`)
  for (const [image, changes] of [
    [mine, victim],
    [theirs, survivor],
  ] as const) {
    const at = mount(image)
    sh(`cd ${at}\n${changes}`)
    unmount(at)
  }
  return { mine, theirs }
}

/** Saves what only the victim has, as the role does; what it says, and where the copy is. `since` is when the two may have parted. */
function save(
  { mine, theirs }: { mine: string; theirs: string },
  since = 9_999_999_999,
  before: (disk: string) => string = () => '',
) {
  const work = join(base, 'work')
  const folder = join(base, 'kept')
  const survivor = mount(theirs)
  const place = join(base, 'place')
  const disk = sh(`losetup --find --show ${mine}`)
  const others = before(disk)
  // Where devices work.
  const node = join('/dev', basename(base))
  const vars = {
    work,
    folder,
    state: ['.tandem'],
    survivor: 'M1',
    place,
    node,
    disk,
    filesystem: 'ext4',
  }
  try {
    script('clear', { ...vars, fresh: true })
    script('list', { ...vars, path: survivor, name: 'survivor', whole: false })
    script('mount', vars)
    script('list', { ...vars, path: place, name: 'victim', whole: true })
    const doubt = renderFile(join(roles, 'recover/templates/doubt.hbs'), { since })
    const weight = Number(script('weigh', { ...vars, doubt }))
    const compared = script('compare', { ...vars, doubt })
    const lists = readdirSync(work).filter((name) => !['victim', 'survivor', 'over'].includes(name))
    const size = lists.reduce((sum, name) => sum + statSync(join(work, name)).size, 0)
    // A list begins with a line of its own.
    expect(size, lists.join(' ')).toBeLessThanOrEqual(weight + 200)
    const saved = script('save', vars)
    script('keep', vars)
    const list = readFileSync(join(folder, 'list'), 'utf8').trim().split('\n').slice(1)
    return { compared, saved, list, files: join(folder, 'files'), vars, others }
  } finally {
    script('clear', { ...vars, fresh: false })
    sh(`losetup -d ${disk}`)
  }
}

describe('a script of recovery', () => {
  it('ends, with all that it started, when the connection that asked for it is gone', async () => {
    // What carries a connection is known by its name.
    const carrier = join(base, 'sshd-session')
    sh(`cp /bin/bash ${carrier}`)
    const script = join(base, 'script')
    writeFileSync(
      script,
      shellOf(`cd ${base}; (echo $BASHPID; sleep 300) >pids | cat; touch ended`),
    )
    const asked = spawn(carrier, ['-c', `bash -c "$(cat ${script})"; :`], { stdio: 'ignore' })
    const below = () => sh(`pgrep -f '[c]d ${base}; ' || :`).split('\n').filter(Boolean)
    await expect.poll(() => sh(`cat ${base}/pids || :`), { timeout: 10_000 }).toMatch(/\d/)
    const pid = sh(`cat ${base}/pids`)
    expect(below().length).toBeGreaterThan(0)
    asked.kill('SIGKILL')
    await expect.poll(below, { timeout: 20_000 }).toEqual([])
    const running = () => sh(`grep -v '^State:.Z' /proc/${pid}/status | grep '^State' || :`)
    await expect.poll(running).toBe('')
    expect(sh(`ls ${base}`)).not.toContain('ended')
  }, 40_000)

  it('leaves nothing behind that watches it', async () => {
    const carrier = join(base, 'sshd-session')
    sh(`cp /bin/bash ${carrier}`)
    const script = join(base, 'script')
    writeFileSync(script, shellOf(`: at ${base}; echo done`))
    expect(sh(`${carrier} -c 'bash -c "$(cat ${script})"; :'`)).toBe('done')
    await expect.poll(() => sh(`pgrep -f '[:] at ${base}' || :`), { timeout: 10_000 }).toBe('')
  }, 20_000)
})

describe.runIf(loops)('what a victim has alone', { timeout: 60_000 }, () => {
  it('is nothing where nobody wrote', () => {
    const { compared, saved, list } = save(split('echo a >a; mkdir d; echo b >d/b', ':', ':'))
    expect(compared).toBe('differ 0 bytes 0 moved 0 theirs 0')
    expect(saved).toBe('saved 0')
    expect(list).toEqual([])
  })

  it('is also what looks untouched but was written to about when the two parted: data comes later than times', () => {
    const disks = split(
      'echo old >late; mkdir d; echo old >d/late; echo quiet >quiet; touch -d 2001-01-01 quiet',
      'mv d renamed',
      ':',
    )
    // The same inode with the same times, and other data: as a write in place leaves it that only one disk got whole.
    sh(
      `debugfs -R 'cat late' ${disks.theirs} >/dev/null 2>&1; LC_ALL=C sed -i 's/old/0ld/' ${disks.theirs}`,
    )
    const { list, files } = save(disks, 1)
    expect(list.map((line) => line.split(':')[0]).sort()).toEqual([
      'only M1 has ./d',
      'saved ./late',
      'saved ./quiet',
      'saved ./renamed',
      'saved ./renamed/late',
    ])
    expect(list.join('\n')).toContain(
      'saved ./late: M1 has one with the same times, whose content may be older',
    )
    expect(sh(`cat ${files}/late ${files}/renamed/late`)).toBe('old\nold')
  })

  it('is what it made, changed, and what the survivor has removed; not what the survivor alone made', () => {
    const disks = split(
      'for n in same changed both gone; do echo old-$n >$n; done',
      'echo new >made; echo victim >changed; echo victim >both',
      'echo survivor >both; rm gone; echo x >theirs',
    )
    const { list, files } = save(disks)
    expect(list.map((line) => line.replace(/, \d+ bytes.*/, ''))).toEqual([
      'saved ./both: M1 has a file',
      'saved ./changed: M1 has a file',
      'saved ./gone: M1 has nothing there',
      'saved ./made: M1 has nothing there',
      'only M1 has ./theirs',
    ])
    expect(sh(`cd ${files}; cat both changed gone made`)).toBe('victim\nvictim\nold-gone\nnew')
    expect(sh(`ls ${files}`)).not.toMatch(/same|theirs/)
  })

  it('is found by no clock: one that is behind, one in 2030, times set by hand', () => {
    const disks = split(
      'echo old >a; echo old >b; echo old >c; touch -d 2030-01-01 a b c',
      'echo new >a; touch -r b a; echo abc >c; touch -d 2030-01-01 c; touch -d 1999-01-01 b; echo early >early; touch -d 1999-01-01 early',
      'sleep 0.1',
    )
    const { list, files } = save(disks)
    expect(list.map((line) => line.split(':')[0])).toEqual([
      'saved ./a',
      'saved ./b',
      'saved ./c',
      'saved ./early',
    ])
    expect(sh(`cd ${files}; cat a c early; stat -c %y b`)).toMatch(/^new\nabc\nearly\n1999-01-01/)
  })

  it('keeps hard links, holes, owners, modes, times, symbolic links, FIFOs and empty folders', () => {
    const disks = split(
      'mkdir d; echo base >d/keep; chown 1234:4321 d; chmod 2750 d; touch -d 2001-02-03 d',
      `umask 0; mkdir -p d/deep/er empty; echo one >d/deep/er/one; ln d/deep/er/one two
       truncate -s 20M hole; echo end >>hole; ln -s 'no where' link; mkfifo pipe
       chown 77:88 two; chmod 4701 two; touch -h -d 2002-03-04 link two`,
      ':',
    )
    const { files } = save(disks)
    expect(sh(`cd ${files}; stat -c '%h %u:%g %a %y' two d/deep/er/one | cut -c1-26`)).toBe(
      '2 77:88 4701 2002-03-04 00\n2 77:88 4701 2002-03-04 00',
    )
    expect(
      sh(`cd ${files}; stat -c '%s' hole; [ $(stat -c %b hole) -lt 100 ]; readlink link`),
    ).toBe('20971524\nno where')
    expect(sh(`cd ${files}; [ -p pipe ]; [ -d empty ]; stat -c '%u:%g %a' d; ls d`)).toBe(
      '1234:4321 2750\ndeep',
    )
  })

  it('keeps odd names, and names them in one line each', () => {
    const odd = [
      'a b',
      ' x ',
      '-rf',
      'line\nfeed',
      'tab\tbed',
      'back\\slash',
      '\\040',
      'ä\u0007',
      '*',
    ]
    const make = odd.map((name) => `printf %s '${name}' >'./${name}'`).join('\n')
    const { list, files, saved } = save(
      split('echo old >old', `${make}\nmkdir 'd d'; mv old 'd d/n\nn'`, ':'),
    )
    expect(saved).toBe(`saved ${odd.length + 2}`)
    for (const name of odd) expect(sh(`cat '${files}/${name}'`)).toBe(name.trim())
    expect(sh(`cat '${files}/d d/n\nn'`)).toBe('old')
    expect(list).toContain('saved ./line\\012feed: M1 has nothing there')
    expect(list).toContain('saved ./\\134040: M1 has nothing there')
    expect(list).toContain('only M1 has ./old')
    expect(list).toHaveLength(odd.length + 3)
  })

  it('names what a renamed folder holds, which the survivor has too, and copies only what was written there', () => {
    const disks = split(
      'mkdir -p a/sub; for n in 1 2 3; do echo $n >a/sub/$n; done',
      'mv a b; echo new >b/sub/2',
      ':',
    )
    const { list, files } = save(disks)
    expect(list).toEqual([
      expect.stringMatching(/^saved \.\/b: M1 has nothing there$/),
      expect.stringMatching(/^saved \.\/b\/sub\/2: M1 has nothing there$/),
      'not saved ./b/sub: M1 has the same as ./a/sub',
      'not saved ./b/sub/1: M1 has the same as ./a/sub/1',
      'not saved ./b/sub/3: M1 has the same as ./a/sub/3',
      'only M1 has ./a',
      'only M1 has ./a/sub/2',
    ])
    expect(sh(`cd ${files}; find . -type f`)).toBe('./b/sub/2')
  })

  it('leaves the state of the service and the disk itself alone', () => {
    const disks = split(
      'mkdir .tandem; echo 1 >.tandem/beat',
      'echo 2 >.tandem/beat; echo x >x',
      ':',
    )
    const before = sh(`sha256sum <${disks.mine}`)
    // The disk here is a loop device itself; an administrator may have one more on it.
    const { list, others } = save(disks, undefined, (disk) => sh(`losetup --find --show ${disk}`))
    expect(sh(`losetup -n -O BACK-FILE ${others}`)).toMatch(/^\/dev\/loop/)
    sh(`losetup -d ${others}`)
    expect(list).toEqual(['saved ./x: M1 has nothing there'])
    expect(sh(`sha256sum <${disks.mine}`)).toBe(before)
  })

  it('is saved anew after a killed run, and never over what an earlier run has kept', () => {
    const disks = split('echo old >a', 'echo new >a; echo b >b', ':')
    const work = join(base, 'work')
    sh(`mkdir -p ${work}/files/b; echo half >${work}/files/a; echo junk >${work}/victim`)
    const { files, vars } = save(disks)
    expect(sh(`cd ${files}; cat a b`)).toBe('new\nb')
    sh(`mkdir -p ${work}/files; echo x >${work}/list`)
    expect(() => script('keep', vars)).toThrow(/File exists/)
    expect(sh(`cat ${files}/a`)).toBe('new')
  })

  it('is not saved where a part of the work fails, whichever it is', () => {
    const disks = split('echo old >a', 'for n in 1 2 3 4 5; do echo $n >f$n; done', ':')
    for (const [name, broken] of [
      ['list', 'sed() { head -c 40 >/dev/null; return 3; }'],
      ['list', 'tr() { return 3; }'],
      ['list', 'find() { return 3; }'],
      ['compare', 'join() { return 3; }'],
      ['compare', 'comm() { return 3; }'],
      ['mount', 'dumpe2fs() { return 3; }'],
      ['save', 'awk() { return 3; }'],
      ['save', 'tar() { case $1 in -x) cat >/dev/null ;; *) command tar "$@" ;; esac; }'],
    ] as const) {
      breaks.set(name, broken)
      expect(() => save(disks), `${name}: ${broken}`).toThrow(new RegExp(`^${name}: exit code`))
      breaks.clear()
    }
  })

  it('is not saved where the copy would lose an attribute', () => {
    const disks = split('echo old >a', 'echo new >a', ':')
    breaks.set(
      'save',
      'tar() { command tar "$@" || return; [ $1 != -x ] || echo \'tar: a: Cannot set extended attribute\' >&2; }',
    )
    expect(() => save(disks)).toThrow(/Cannot set extended attribute/)
    breaks.clear()
    breaks.set(
      'save',
      'tar() { command tar "$@" || return; [ $1 != -c ] || echo \'tar: a: Warning: Cannot flistxattr\' >&2; }',
    )
    expect(() => save(disks)).toThrow(/Cannot flistxattr/)
    breaks.clear()
  })

  it.each([
    ['another byte', 'printf x | dd of=a conv=notrunc 2>/dev/null; touch -d @1 a'],
    ['another mode', 'chmod 700 a'],
    ['another owner', 'chown 7 a'],
    ['another time', 'touch -d @2 a'],
    ['a link less', 'cp -p a c; mv c b'],
    ...(hasAttributes ? [['another attribute', 'setfattr -n user.c -v theirs a']] : []),
  ])('is not saved where the copy has %s', (_, harm) => {
    const disks = split(
      'echo old >a',
      `echo new >a; ln a b; ${hasAttributes ? 'setfattr -n user.c -v ours a; ' : ''}touch -d @1 a`,
      ':',
    )
    const work = join(base, 'work')
    breaks.set(
      'save',
      `tar() { command tar "$@" || return; [ $1 != -x ] || [ ! -e ${work}/files/a ] || (cd ${work}/files; ${harm}); }`,
    )
    expect(() => save(disks)).toThrow(/differ|EOF/)
    breaks.clear()
    expect(save(disks).saved).toBe('saved 2')
  })

  it('is saved where the copy has no hole at a place where the file has one: both hold zeros there', () => {
    const disks = split(
      ':',
      'truncate -s 9M a; for n in $(seq 99); do echo $n >>a; done; touch -d @1 a',
      ':',
    )
    const work = join(base, 'work')
    breaks.set(
      'save',
      `tar() { command tar "$@" || return; [ $1 != -x ] || [ ! -e ${work}/files/a ] || (cd ${work}/files; dd if=/dev/zero of=a bs=64k count=9 conv=notrunc 2>/dev/null; touch -d @1 a); }`,
    )
    expect(save(disks).saved).toBe('saved 1')
    breaks.clear()
  })

  it('is told of by name: what the survivor has there, though the victim has the same elsewhere', () => {
    const disks = split('mkdir a; echo x >a/x', 'mv a b; mkdir a; echo new >a/x', ':')
    const { list } = save(disks)
    expect(
      list.filter((line) => line.includes('/x')).map((line) => line.replace(/, \d.*/, '')),
    ).toEqual(['saved ./a/x: M1 has a file', 'not saved ./b/x: M1 has the same as ./a/x'])
  })

  it('with thousands of names for one file in a renamed folder is one line a name', () => {
    const disks = split(
      'mkdir a; echo x >a/0; n=1; while [ $n -lt 2000 ]; do ln a/0 a/$n; n=$((n + 1)); done',
      'mv a b',
      ':',
    )
    const { compared, list } = save(disks)
    expect(compared).toMatch(/^differ 1 bytes \d+ moved 2000 theirs 1$/)
    expect(list).toHaveLength(1 + 2000 + 1)
  })

  it('is refused a disk that has no room for it', () => {
    const vars = { folder: join(base, 'room') }
    expect(() => script('space', { ...vars, bytes: 10 ** 15 })).toThrow(/exit code 9/)
    expect(Number(script('space', { ...vars, bytes: 1 }))).toBeGreaterThan(1)
  })
})
