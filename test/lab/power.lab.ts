import { beforeAll, describe, expect, it } from 'vitest'
import { topology } from '../../inventory/topology.ts'
import { bmcPasswords, exec, labPaths } from '../../lib/lab/index.ts'
import { lab, on } from './tandem.ts'

const paths = { ...labPaths(process.env), topology }
const bmc =
  'ipmitool -I lanplus -C 3 -N 1 -R 2 -H 172.16.200.111 -U tandem -f /root/bmc chassis power'

/** What M1 is told by the BMC of M2. */
const power = async (order: string) => (await on('M1', `${bmc} ${order} 2>&1`)).trim()

/** What `npm run lab` says of itself and to whom it is told. */
async function said(...words: string[]) {
  const { code, stdout, stderr } = await lab(...words)
  expect(code, stderr).toBe(0)
  return stdout + stderr
}

const boot = () => on('M2', 'cat /proc/sys/kernel/random/boot_id')

describe('a node', () => {
  beforeAll(async () => {
    await said('reset', 'clean')
    await on('M1', 'apt-get install -qq -y ipmitool')
    const stdin = bmcPasswords(paths)?.M2 ?? ''
    const options = { ...paths, env: process.env, install: false, say: () => {} }
    await exec(options, 'M1', 'umask 077; cat >/root/bmc', { stdin })
  })

  it('turns its peer off for good, and nothing of what that did goes on when it is on again', async () => {
    const before = await boot()
    await on('M2', 'touch /run/still-here')
    expect(await power('status')).toBe('Chassis Power is on')
    expect(await power('off')).toBe('Chassis Power Control: Down/Off')
    expect(await power('status')).toBe('Chassis Power is off')
    expect(await said('status')).toMatch(/^M2 +off/m)
    expect((await lab('exec', 'M2', '--', 'true')).stderr).toContain('M2 is off')
    await said('power-on', 'M2')
    expect(await boot()).not.toBe(before)
    await on('M2', 'test ! -e /run/still-here')
  })

  it('that is frozen is on, and goes on as it was', async () => {
    const before = await boot()
    await said('freeze', 'M2')
    expect(await said('status')).toMatch(/^M2 +frozen/m)
    expect((await lab('exec', 'M2', '--', 'true')).stderr).toContain('M2 is frozen')
    expect(await power('status')).toBe('Chassis Power is on')
    await power('on')
    expect(await said('status')).toMatch(/^M2 +frozen/m)
    expect(await said('thaw', 'M2')).toBe('M2 goes on\n')
    expect(await boot()).toBe(before)
    expect(await said('thaw', 'M2')).toBe('M2 was not frozen\n')
  })

  it('that is frozen and turned off stays off when it is thawed, and `up` brings it up', async () => {
    const before = await boot()
    await said('freeze', 'M2')
    await power('off')
    expect(await said('thaw', 'M2')).toContain('M2 was turned off and stays off')
    expect(await power('status')).toBe('Chassis Power is off')
    await said('up')
    expect(await boot()).not.toBe(before)
  })

  it('that lost its plug is off, and its BMC cannot turn it on', async () => {
    await said('power-off', 'M2')
    expect(await power('status')).toBe('Chassis Power is off')
    await power('on')
    expect(await power('status')).toBe('Chassis Power is off')
    await said('power-on', 'M2')
    expect(await power('status')).toBe('Chassis Power is on')
  })

  it.each(['bmc-M2', 'M1.em4'])('reaches nobody while %s is cut', async (link) => {
    await said('cut', link)
    await expect(power('status')).rejects.toThrow('Unable to establish')
    await said('heal', link)
    expect(await power('status')).toBe('Chassis Power is on')
  })
})
