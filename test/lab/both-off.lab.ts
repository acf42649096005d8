import { beforeAll, beforeEach, describe, expect, it } from 'vitest'
import { sums, writeFiles } from './state.ts'
import { connected, lab, on, ran, reset, settled, until } from './tandem.ts'

/** Not the whole of site: that would keep what it made of a spoilt pair as `converged`. */
const nodes = ['site', '--limit', 'nodes']

beforeAll(async () => {
  await reset('clean')
  await ran(['site'], 0)
})

/** Gives a node that is off a blank disk in the place of its own, and leaves it off. */
async function replaced(host: string) {
  // Nobody hears of it meanwhile.
  for (const line of ['em2', 'em3', `${host}.em1`]) await lab('cut', line)
  await lab('power-on', host)
  await on(
    host,
    'systemctl stop heartbeat tandem-watch; drbdadm down drbd; lvremove -qq -y VolGroup/lv_drbd && lvcreate -qq -y -W n -n lv_drbd -L 512M VolGroup && blkdiscard -z /dev/VolGroup/lv_drbd && sync',
  )
  await lab('power-off', host)
  for (const line of ['em2', 'em3', `${host}.em1`]) await lab('heal', line)
}

describe('both nodes lose their power', () => {
  beforeEach(() => reset('converged'))

  it.each([
    ['M1', 'M2'],
    ['M2', 'M1'],
  ])(
    'and only %s comes back: what it knows is told, and it serves once the name of %s is typed',
    async (left, missing) => {
      const files = await writeFiles(20, 'before')
      // The watch notes what it knows.
      await on('C1', 'sleep 70')
      await lab('power-off', missing)
      await lab('power-off', left)
      await lab('power-on', left)
      await until(left, 'test -s /run/tandem/refused', 300)
      const words = ['start-without', missing]
      const { said } = await ran(words, 4)
      expect(said).toContain(`${left} and ${missing} had the same data at `)
      expect(said).toContain(`npm run play start-without ${missing} -- --confirm ${missing}`)
      await on(left, '! grep -q ro:Primary /proc/drbd')
      await ran([...words, '--confirm', missing], 0)
      expect(await sums('before')).toBe(files)
      const later = await writeFiles(5, 'later')
      await lab('power-on', missing)
      await connected(left)
      expect(await sums('later')).toBe(later)
      await settled(missing)
      await ran(['verify'], 0)
    },
  )

  it.each([
    ['M1', 'M2'],
    ['M2', 'M1'],
  ])(
    'and %s served last, alone: it serves again, and the blank disk of %s is filled from it',
    async (newer, lost) => {
      const both = await writeFiles(20, 'both')
      await lab('power-off', lost)
      await until(newer, '[ -s /run/tandem/serving ] && grep -q ro:Primary /proc/drbd')
      const alone = await writeFiles(20, 'alone')
      await lab('power-off', newer)
      await replaced(lost)
      await Promise.all([lab('power-on', newer), lab('power-on', lost)])
      await until(newer, '[ -s /run/tandem/serving ]', 300)
      const { said } = await ran(['verify'], 2)
      expect(said).toMatch(new RegExp(`${lost} .*(DRBD|metadata|disk)`))
      await ran(nodes, 0)
      await ran(['verify'], 0)
      expect(await sums('both')).toBe(both)
      expect(await sums('alone')).toBe(alone)
    },
  )

  it.each([
    ['M1', 'M2'],
    ['M2', 'M1'],
  ])(
    'and the disk of %s, which served last, is lost: %s does not serve before that is typed',
    async (lost, older) => {
      const both = await writeFiles(20, 'both')
      await on('C1', 'sleep 70')
      await lab('power-off', older)
      await until(lost, '[ -s /run/tandem/serving ] && grep -q ro:Primary /proc/drbd')
      await writeFiles(20, 'alone')
      await lab('power-off', lost)
      await replaced(lost)
      await lab('power-on', older)
      await until(older, 'test -s /run/tandem/refused', 300)
      const words = ['start-without', lost]
      const { said } = await ran(words, 4)
      expect(said).toContain(`${older} and ${lost} had the same data at `)
      await ran([...words, '--confirm', lost], 0)
      expect(await sums('both')).toBe(both)
      await lab('power-on', lost)
      await ran(nodes, 0)
      await connected(older)
      await ran(['verify'], 0)
      expect(await sums('both')).toBe(both)
    },
  )
})
