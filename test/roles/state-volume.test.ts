import { spawnSync } from 'node:child_process'
import { copyFileSync, mkdirSync } from 'node:fs'
import { join } from 'node:path'
import { describe, expect, it } from 'vitest'
import { HostAround, nfsWords, procDrbd, type Replica } from './host-around.ts'

const sh = (script: string) => spawnSync('sh', ['-ec', script], { encoding: 'utf8' })
/** A namespace of its own: what is mounted there is nobody else's. */
const alone = ['-m', '--propagation', 'slave', '-p', '-f', '--mount-proc', 'sh', '-ec']
const able =
  process.getuid?.() === 0 &&
  sh(
    `unshare ${alone.join(' ')} 'mount -t tmpfs none /mnt' && f=$(mktemp) && truncate -s 8M $f && mke2fs -q $f && l=$(losetup --find --show $f) && losetup -d $l`,
  ).status === 0

/** Runs `tandem-nfs` where two filesystems stand for the share and the state; `share` fills the first. */
function run(share: string, script: string) {
  const host = new HostAround()
  const { folder } = host
  const loops = ['data', 'state'].map((name) => {
    const image = join(folder, `${name}.img`)
    return sh(
      `truncate -s 16M ${image}; mke2fs -q -t ext4 ${image}; losetup --find --show ${image}`,
    ).stdout.trim()
  })
  const [data = '', state = ''] = loops
  const paths = new HostAround(
    {
      '/dev/drbd0': join('..', '..', data),
      '/dev/drbd1': join('..', '..', state),
      '/proc/fs/nfsd': 'nfsd',
      '/var/lib/nfs/etab': 'etab',
      '/run/rpc_pipefs': 'pipes',
      '/run/tandem-exports': 'read',
      '/data': 'data',
      '/state': 'state',
    },
    '/state',
  )
  const at = paths.folder
  for (const name of ['nfsd', 'pipes', 'data', 'elsewhere']) mkdirSync(join(at, name))
  paths.file('nfsd/threads', '0\n')
  const primary: Replica = ['Connected', 'Primary/Secondary', 'UpToDate/UpToDate']
  paths.file(
    'proc-drbd',
    procDrbd(primary) + procDrbd(primary).split('\n').slice(1).join('\n').replace(' 0: ', ' 1: '),
  )
  paths.file('etab', `${at}/data\t*(rw)\n`)
  for (const name of ['rpc.mountd', 'rpc.nfsd', 'exportfs', 'logger', 'drbdsetup']) {
    paths.program(name, 'exit 0')
  }
  // nfsd closes its pipe again where no nfsdcld answers it.
  const pipe = join(at, 'pipes/nfsd/cld')
  paths.program(
    'unshare',
    `pgrep -x nfsdcld >/dev/null && ! grep -qs hangs ${at}/state/.nfsdcld/main.sqlite && : >${pipe} || rm -f ${pipe}`,
  )
  // Like the real one: it says that it is well, and then cannot work with what is no database.
  mkdirSync(join(paths.folder, 'real'))
  copyFileSync('/bin/sleep', join(paths.folder, 'real/nfsdcld'))
  paths.program(
    'nfsdcld',
    `grep -qs junk ${paths.folder}/state/.nfsdcld/main.sqlite || setsid ${paths.folder}/real/nfsdcld 100 </dev/null >/dev/null 2>&1 & sleep 0.3`,
  )
  paths.script('tandem-nfs', 'integrate/templates/tandem-nfs.hbs', {
    ...nfsWords,
    stateDevice: '/dev/drbd1',
    stateMinor: 1,
    stateOptions: 'nosuid,nodev,noexec',
  })
  const majors = loops.map((loop) => `7:${loop.match(/\d+$/)?.[0]}`)
  try {
    const { stdout, stderr } = spawnSync(
      'unshare',
      [
        ...alone,
        `cd ${at}; mount -t tmpfs sunrpc pipes; mkdir pipes/nfsd; : >pipes/nfsd/cld
         sed -i 's/147:$minor/${majors[0]}/; s/147:$state_minor/${majors[1]}/; s#\\.\\./\\.\\./##' tandem-nfs
         sed -i "s#device=[^ ]*#device=${data}#" common; sed -i "s#^state_device=[^ ]*#state_device=${state}#" tandem-nfs
         mount ${data} data; ( cd data; ${share} ); umount data
         ${script}`,
      ],
      { encoding: 'utf8' },
    )
    return { said: stdout, stderr, asked: sh(`cat ${at}/asked || :`).stdout.replaceAll(at, '') }
  } finally {
    sh(`losetup -d ${loops.join(' ')}`)
  }
}

const starts = 'sh tandem-nfs start && echo start 0 || echo "start $?"'
const memory = 'SQLite format 3 memory'

describe.runIf(able)('the state of the service on a disk of its own', { timeout: 60_000 }, () => {
  it('is mounted beside the share, with what the share had of it, and let go of with it', () => {
    const { said, stderr, asked } = run(
      `mkdir -m 0700 .nfsdcld .tandem; echo ${memory} >.nfsdcld/main.sqlite; echo file >file
       printf '10.0.0.9:2049 10.0.0.5:700\n10.0.0.1:22 10.0.0.5:1\n\\033[2J\n' >.tandem/clients`,
      `${starts}; cat state/.nfsdcld/main.sqlite state/.tandem/clients; stat -c %a state/.nfsdcld
       sh tandem-nfs start; echo "again $?"
       sh tandem-nfs stop; echo "stop $?"; ls -A state; grep -c ' 7:[0-9]* .*/\\(data\\|state\\) ' /proc/self/mountinfo || :`,
    )
    expect(said, stderr).toBe(
      `start 0\n${memory}\n10.0.0.9:2049 10.0.0.5:700\n700\nagain 0\nstop 0\n0\n`,
    )
    expect(asked).toContain('nfsdcld -s /state/.nfsdcld\n')
    expect(asked).toContain('drbdsetup primary 1\n')
    expect(asked).toContain('drbdsetup secondary 1\n')
  })

  it.each([
    ['a link in place of the folder', 'ln -s ../elsewhere .nfsdcld'],
    [
      'a link in place of the file',
      'mkdir .nfsdcld; ln -s ../../elsewhere/main.sqlite .nfsdcld/main.sqlite',
    ],
    ['a FIFO', 'mkdir .nfsdcld; mkfifo .nfsdcld/main.sqlite'],
    ['a folder', 'mkdir -p .nfsdcld/main.sqlite/x'],
    [
      'a file too large',
      `mkdir .nfsdcld; echo ${memory} >.nfsdcld/main.sqlite; truncate -s 1G .nfsdcld/main.sqlite`,
    ],
    ['something else', 'mkdir .nfsdcld; echo junk >.nfsdcld/main.sqlite'],
    [
      'a journal, which can name any file',
      `mkdir .nfsdcld; echo ${memory} >.nfsdcld/main.sqlite; echo x >.nfsdcld/main.sqlite-journal`,
    ],
    [
      'a link for a journal',
      `mkdir .nfsdcld; echo ${memory} >.nfsdcld/main.sqlite; ln -s nowhere .nfsdcld/main.sqlite-journal`,
    ],
    ['nothing', ':'],
  ])('starts anew where root of a client has put %s there', (_, share) => {
    const { said, stderr } = run(
      `${share}; ln -s ../elsewhere .tandem`,
      `echo theirs >elsewhere/main.sqlite; echo 10.0.0.9:2049 1.2.3.4:5 >elsewhere/clients
       ${starts}; ls -A state/.nfsdcld state/.tandem; cat elsewhere/*`,
    )
    const [first, ...rest] = said.split('\n')
    expect(first, stderr).toBe('start 0')
    expect(rest.join('\n')).toBe(
      'state/.nfsdcld:\n\nstate/.tandem:\n10.0.0.9:2049 1.2.3.4:5\ntheirs\n',
    )
  })

  it('starts anew where nfsdcld lives and never answers with what is there', () => {
    const { said, stderr } = run(
      `mkdir .nfsdcld; echo ${memory} hangs >.nfsdcld/main.sqlite`,
      `${starts}; ls -A state/.nfsdcld; pgrep -cx nfsdcld`,
    )
    expect(said, stderr).toBe('start 0\nunreadable\n1\n')
  })

  it('starts anew where nfsdcld cannot work with what looks like a database', () => {
    const { said, asked } = run(
      `mkdir .nfsdcld; echo ${memory} junk >.nfsdcld/main.sqlite`,
      `${starts}; ls -A state/.nfsdcld`,
    )
    expect(said).toBe('start 0\nunreadable\n')
    expect(asked).toMatch(/logger .*starts anew/)
  })

  it('is not read from the share again once it was taken along', () => {
    const { said } = run(
      `mkdir .nfsdcld; echo ${memory} >.nfsdcld/main.sqlite`,
      `${starts}; sh tandem-nfs stop
       mount -t ext4 ${'$'}(sed -n 's/.*device=\\([^ ]*\\) .*/\\1/p' common) data; echo ${memory} planted >data/.nfsdcld/main.sqlite; umount data
       ${starts}; cat state/.nfsdcld/main.sqlite`,
    )
    expect(said).toBe(`start 0\nstart 0\n${memory}\n`)
  })

  it.each([
    ['was not the same for long while the share was', 1_000, 5_000, '', 'unused'],
    ['was the same a moment before', 30, 5_000, '', 'used'],
    ['was not the same, but this node served', 1_000, 60, '', 'used'],
    ['was never noted', 1_764_000_000, 5_000, '', 'used'],
    ['had to be promoted by force', 0, 5_000, 'force', 'unused'],
  ])('where it %s', (_, behind, served, force, wanted) => {
    const now = 1_764_000_000
    const { said, asked } = run(
      ':',
      `mkdir -p memory state; echo ${now} Secondary >memory/together; echo ${now - served} Connected UpToDate >memory/served
       [ ${behind} = ${now} ] || echo ${now - behind} >memory/state-together; sed -i 's#/var/lib/tandem/#memory/#' tandem-nfs
       d=${'$'}(sed -n 's/^state_device=\\([^ ]*\\) .*/\\1/p' tandem-nfs); mount $d state; mkdir state/.nfsdcld state/.tandem
       echo ${memory} >state/.nfsdcld/main.sqlite; : >state/.taken; umount state
       [ -z '${force}' ] || printf '#!/bin/sh\n[ "$*" != "primary 1" ]\n' >drbdsetup
       ${starts}; if [ -e state/.nfsdcld/main.sqlite ]; then echo used; else echo unused; fi`,
    )
    expect(said).toBe(`start 0\n${wanted}\n`)
    expect(/logger .*older than the share/.test(asked)).toBe(wanted === 'unused')
  })

  it('keeps nothing from serving where it cannot be mounted, and that is told', () => {
    const { said, asked } = run(
      `mkdir .nfsdcld; echo ${memory} >.nfsdcld/main.sqlite`,
      `mkdir -p state/.nfsdcld; echo of an earlier time >state/.nfsdcld/main.sqlite
       sed -i 's#^state_device=.*#state_device=/dev/null state_minor=9#' tandem-nfs
       ${starts}; ls -A state/.nfsdcld; sh tandem-nfs stop; echo "stop $?"`,
    )
    expect(said).toBe('start 0\nstop 0\n')
    expect(asked).toMatch(/logger .*cannot be used on this node/)
  })
})
