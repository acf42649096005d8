import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sums, writeFiles } from './state.ts'
import { connected, lab, on, play, ran, reset, story, until } from './tandem.ts'

const device = '/dev/mapper/VolGroup-lv_state'

/** Lets every access to a node's small disk fail, and waits until DRBD has let go of it. */
const fails = (node: string) =>
  on(
    node,
    `sectors=$(blockdev --getsz ${device}) && dmsetup table ${device} >/root/table &&
     echo "0 $sectors error" | dmsetup load ${device} && dmsetup suspend --noflush --nolockfs ${device} && dmsetup resume ${device}
     sleep 1; for try in $(seq 60); do grep -q '^ 1: .* ds:Diskless/' /proc/drbd && exit 0; sleep 1; done; cat /proc/drbd; exit 1`,
  )

beforeAll(async () => {
  await reset('clean')
  await ran(['site'], 0)
})

beforeEach(() => reset('converged'))

describe('the small disk with the state of the service', () => {
  it('takes nothing away from clients where it fails on the node that serves, and then its peer is gone too', async () => {
    const files = await writeFiles(20, 'state')
    // DRBD notices with the next access.
    const broken = fails('M1')
    await on(
      'C1',
      'cd /data/state && for n in 1 2 3; do echo $n >more$n; sync more$n; sleep 2; done',
    )
    await broken
    const { said } = await ran(['verify'], 2)
    expect(said).toMatch(/the state of the service \(drbd-state\) is Connected .*Diskless/)
    await lab('power-off', 'M2')
    await on('C1', 'cd /data/state && echo alone >alone && sync alone')
    expect(await on('M1', 'grep "^ 0: " /proc/drbd')).toMatch(/ro:Primary\/Unknown ds:UpToDate/)
    await on(
      'C1',
      'sleep 30; cd /data/state && echo later >later && sync later && rm alone later more?',
    )
    expect(await sums('state')).toBe(files)
    await lab('power-on', 'M2')
    await on(
      'M1',
      `dmsetup load ${device} </root/table && dmsetup suspend --noflush --nolockfs ${device} && dmsetup resume ${device}`,
    )
    await connected('M1')
  })

  it('keeps no node from taking over where it has failed there, and that is told', async () => {
    const files = await writeFiles(20, 'state')
    const broken = fails('M2')
    await on('C1', 'cd /data/state && sleep 8')
    await on('M1', 'echo x >/var/lib/tandem/state/touched; sync -f /var/lib/tandem/state')
    await broken
    const refused = await play(['switchover'])
    expect(refused.code, story(refused)).toBe(4)
    expect(refused.stderr + story(refused)).toMatch(/has no current copy of its state/)
    await lab('power-off', 'M1')
    await until('M2', '[ -s /run/tandem/serving ]')
    expect(await sums('state')).toBe(files)
    await on('C1', 'echo on >/data/state/on && sync /data/state/on')
    expect(await on('M2', 'journalctl -t tandem --no-pager')).toMatch(
      /state of the service .* cannot be used on this node/,
    )
    const verified = await play(['verify', '--limit', 'M2'])
    expect(story(verified)).toMatch(/state is not mounted/)
  })
})
