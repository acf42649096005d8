import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { diskHash, sums, writeFiles } from './state.ts'
import { connected, killer, on, play, ran, reset, story, titled } from './tandem.ts'

const disk = '/dev/mapper/VolGroup-lv_drbd'
/** Not the whole of site: that would keep what it made of a spoilt pair as `converged`. */
const nodes = ['site', '--limit', 'nodes']
const note = '/var/lib/tandem/drbd-disk'

describe('a new pair', () => {
  beforeEach(() => reset('clean'))

  it('is refused a disk that holds data without a signature, untouched, and takes it once that is typed', async () => {
    await on('M2', `dd if=/dev/urandom of=${disk} bs=1M seek=8 count=2 conv=fsync status=none`)
    const before = await diskHash('M2', disk)
    const { said } = await ran(['site'], 4)
    expect(said).toMatch(
      /^M2 preflight: backing disk .*: M2: .* is not blank: it has no signature, but byte 8388\d\d\d of 536870912 is not zero: .* --overwrite M2:\/dev\/mapper\/VolGroup-lv_drbd$/,
    )
    expect(await diskHash('M2', disk)).toBe(before)
    await ran(['site', '--overwrite', `M2:${disk}`], 0)
    await ran(['verify'], 0)
  })
})

describe('the disk of a living pair', () => {
  beforeAll(async () => {
    await reset('clean')
    await ran(['site'], 0)
  })
  beforeEach(() => reset('converged'))

  it('is noted again where the note was lost, while DRBD runs and after', async () => {
    const before = await on('M2', `cat ${note}`)
    expect(before).toMatch(
      /^\/dev\/mapper\/VolGroup-lv_drbd\nidentity DM_UUID=LVM-\w+\nsize 536870912\nmade read\nfilesystem [\w-]+\n$/,
    )
    await on('M2', `rm ${note}`)
    const { run } = await ran(nodes, 0)
    expect(titled(run, 'changed')).toEqual([
      `M2 drbd/config: ${note} names the disk`,
      `M2 drbd/init: ${note} names the filesystem`,
    ])
    expect(await on('M2', `cat ${note}`)).toBe(before.replace('made read\n', ''))
    // A node that was installed anew knows nothing, and DRBD does not run there.
    await on('M2', `systemctl stop heartbeat && drbdadm down drbd && rm ${note}`)
    await ran(nodes, 0)
    expect(await on('M2', `cat ${note}`)).toBe(before.replace('made read\n', ''))
  })

  it('of another pair is refused by its history', async () => {
    await on('M2', `systemctl stop heartbeat && drbdadm down drbd && rm ${note}`)
    await on('M2', `yes yes | drbdadm create-md --force drbd >/dev/null 2>&1`)
    const before = await diskHash('M2', disk)
    const { said } = await ran(nodes, 4)
    expect(said).toMatch(/M2: .* already carries drbd and ext4 that Tandem did not make/)
    expect(await diskHash('M2', disk)).toBe(before)
  })

  it('that has grown is named, and used on demand while clients work', async () => {
    const files = await writeFiles(20, 'grow')
    await on('M1', `lvextend -qq -L +16M ${disk}`)
    const { said } = await ran(['verify'], 2)
    expect(said).toMatch(/has grown from 512 MiB to 528 MiB, and DRBD does not use that yet/)
    await ran(nodes, 0)
    await on('M2', `lvextend -qq -L +16M ${disk}`)
    await ran(['grow'], 0)
    expect(Number(await on('M1', 'cat /sys/block/drbd0/size'))).toBeGreaterThan(1_070_000)
    expect(await sums('grow')).toBe(files)
    await ran(['verify'], 0)
    await ran(['grow'], 0)
  })

  it('of the state that has grown is used too, but for a filesystem that the kernel cannot grow', async () => {
    for (const node of ['M1', 'M2']) await on(node, 'lvextend -qq -L +8M VolGroup/lv_state')
    expect((await ran(['verify'], 2)).said).toMatch(/lv_state has grown from 32 MiB to 40 MiB/)
    // Below 32 MiB mke2fs makes a journal of 1 MiB.
    expect((await ran(['grow'], 4)).said).toMatch(
      /drbd1 stays at 31\.96 MiB: .*because its journal is too small/,
    )
    expect(Number(await on('M1', 'cat /sys/block/drbd1/size'))).toBeGreaterThan(80_000)
    await ran(['verify'], 0)
  })

  it('that has grown while DRBD was down is taken up again', async () => {
    await on('M2', 'systemctl stop heartbeat && drbdadm down drbd')
    await on('M2', `lvextend -qq -L +16M ${disk}`)
    await ran(nodes, 0)
    await connected('M2')
  })

  it('that was replaced by a smaller one is refused, by one of its size is filled', async () => {
    const files = await writeFiles(20, 'replace')
    await on(
      'M2',
      'systemctl stop heartbeat && drbdadm down drbd && lvremove -qq -y VolGroup/lv_drbd',
    )
    await on(
      'M2',
      'lvcreate -qq -y -W n -n lv_drbd -L 400M VolGroup && blkdiscard -z /dev/VolGroup/lv_drbd',
    )
    const { said } = await ran(nodes, 4)
    expect(said).toMatch(
      /M2: .* is too small: it has 400 MiB, but the disk of M1 \(512 MiB\) holds 511\.\d+ MiB of data/,
    )
    await on(
      'M2',
      'lvremove -qq -y VolGroup/lv_drbd && lvcreate -qq -y -W n -n lv_drbd -L 512M VolGroup && blkdiscard -z /dev/VolGroup/lv_drbd',
    )
    await ran(nodes, 0)
    await ran(['verify'], 0)
    expect(await sums('replace')).toBe(files)
  })

  it('that differs is not left alone where the run that mends it is killed', async () => {
    await on(
      'M2',
      `dd if=/dev/urandom of=${disk} bs=4k seek=20000 count=4 conv=fsync oflag=direct status=none`,
    )
    await on('M1', 'systemctl start tandem-compare.service')
    const words = ['resync', '--victim', 'M2']
    const { state, watch } = killer(/^waits for a write/, 'M2')
    const killed = await play(words, watch)
    expect(state.killed, story(killed)).toBe(true)
    // The host's part of it goes on, and connects again.
    await on('M2', 'grep -q "^ 0: cs:StandAlone" /proc/drbd')
    await connected('M2')
    const again = await play(words)
    expect([0, 4], story(again)).toContain(again.code)
    await on('M1', 'systemctl start tandem-compare.service')
    expect(await on('M1', 'cat /var/lib/tandem/compared')).toMatch(/^\d+ \d+ 0\n$/)
    await ran(['verify'], 0)
  })

  it('that differs in silence is found by the comparison, told, and mended from the node that serves', async () => {
    const files = await writeFiles(20, 'compare')
    await on(
      'M2',
      `dd if=/dev/urandom of=${disk} bs=4k seek=20000 count=4 conv=fsync oflag=direct status=none`,
    )
    await on('M1', 'systemctl start tandem-compare.service')
    expect(await on('M1', 'cat /var/lib/tandem/compared')).toMatch(/^\d+ \d+ 16\n$/)
    const { said } = await ran(['verify'], 2)
    expect(said).toMatch(
      /the disks differ in 16 KiB .*: one of them is wrong\. .*npm run play resync -- --victim M2/,
    )
    // Today's wait of 24 h.
    const { said: stopped } = await ran(nodes, 4)
    expect(stopped).toMatch(/the disks differ in 16 KiB, and no resync is running/)
    await ran(['resync', '--victim', 'M1'], 4)
    // The other answer: M2's disk is right, so M2 serves first.
    await ran(['switchover'], 4)
    await ran(['switchover', '--trust', 'M1'], 4)
    await ran(['switchover', '--trust', 'M2'], 0)
    expect(await on('M2', 'cat /proc/drbd')).toMatch(/oos:16/)
    await ran(['switchover', '--trust', 'M1'], 0)
    await ran(['resync', '--victim', 'M2'], 0)
    await on('M1', 'systemctl start tandem-compare.service')
    expect(await on('M1', 'cat /var/lib/tandem/compared')).toMatch(/^\d+ \d+ 0\n$/)
    await ran(['verify'], 0)
    expect(await sums('compare')).toBe(files)
  })
})
