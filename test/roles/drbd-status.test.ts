import { describe, expect, it } from 'vitest'
import {
  adjustSteps,
  harmless,
  isConnected,
  isFirstGeneration,
  isJustCreated,
  isUpToDate,
  parseGenerations,
  parseProcDrbd,
  describe as told,
} from '../../roles/drbd/status.ts'

const head = 'version: 8.4.11 (api:1/proto:86-101)\nsrcversion: B438804C5AE8C84C95D0411 \n'
const line = (state: string, rest = '') =>
  `${head}\n 0: ${state} C r-----\n    ns:0 nr:0 dw:0 dr:0 al:0 bm:0 lo:0 pe:0 ua:0 ap:0 ep:1 wo:f oos:${rest || 0}\n`

const cases = [
  ['Connected ro:Primary/Secondary ds:UpToDate/UpToDate', 0, { connected: true, upToDate: true }],
  [
    'Connected ro:Secondary/Secondary ds:UpToDate/UpToDate',
    4,
    { connected: true, upToDate: false },
  ],
  [
    'Connected ro:Secondary/Secondary ds:Inconsistent/Inconsistent',
    245720,
    { connected: true, upToDate: false },
  ],
  [
    'SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent',
    100,
    { connected: true, upToDate: false },
  ],
  [
    'WFConnection ro:Primary/Unknown ds:UpToDate/DUnknown',
    0,
    { connected: false, upToDate: false },
  ],
  ['Connected ro:Primary/Secondary ds:Diskless/UpToDate', 0, { connected: true, upToDate: false }],
] as const

describe('/proc/drbd', () => {
  it.each(cases)('reads %s oos:%i', (state, outOfSync, wanted) => {
    const status = parseProcDrbd(line(`cs:${state}`, String(outOfSync)), 0)
    expect(told(status)).toBe(`${state.replace('ro:', '').replace('ds:', '')} oos:${outOfSync}`)
    expect(isConnected(status, 'M1')).toBe(wanted.connected)
    expect(isUpToDate(status)).toBe(wanted.upToDate)
  })

  it('reads how far a synchronisation is', () => {
    const text = `${line('cs:SyncSource ro:Primary/Secondary ds:UpToDate/Inconsistent', '161280')}\t[=====>..............] sync'ed: 34.5% (161280/245720)K\n\tfinish: 0:00:05 speed: 28,160 (28,160) K/sec\n`
    expect(parseProcDrbd(text, 0).sync).toEqual({ fraction: 0.345, left: '0:00:05', speed: 28160 })
  })

  it('calls a minor the module does not know unconfigured', () => {
    expect(parseProcDrbd(head, 0).connection).toBe('Unconfigured')
    expect(parseProcDrbd(`${head} 0: cs:Unconfigured\n`, 0).connection).toBe('Unconfigured')
    expect(
      parseProcDrbd(line('cs:Connected ro:Primary/Secondary ds:UpToDate/UpToDate'), 1).connection,
    ).toBe('Unconfigured')
  })

  it('refuses StandAlone, which most often is a split brain', () => {
    const status = parseProcDrbd(line('cs:StandAlone ro:Primary/Unknown ds:UpToDate/DUnknown'), 0)
    expect(() => isConnected(status, 'M1')).toThrow(/M1: DRBD is StandAlone .* split brain/)
  })

  it('throws on what it does not know', () => {
    expect(() => parseProcDrbd('version: 9.1.4 (api:2)', 0)).toThrow(/expected DRBD 8.4/)
    expect(() => parseProcDrbd(`${head} 0: cs:Odd\n`, 0)).toThrow(/cannot read the line/)
    const odd = parseProcDrbd(line('cs:Brewing ro:Primary/Unknown ds:UpToDate/DUnknown'), 0)
    expect(() => isConnected(odd, 'M1')).toThrow(/Brewing/)
  })
})

describe('generation identifiers', () => {
  const zero = '0000000000000000'
  it.each([
    [`0000000000000004:${zero}:${zero}:${zero}:0:0:0:0:0:0`, true, true],
    [`E1A2B3C4D5E6F708:${zero}:0000000000000004:${zero}:1:1:1:0:0:0`, false, true],
    [`E1A2B3C4D5E6F708:${zero}:0000000000000004:${zero}:1:1:0:1:0:0`, false, true],
    // As read from a pair right after its first full synchronisation.
    [`DE9533E1649C51F0:${zero}:B5D281FEC624A0C2:0000000000000004:1:1:0:1:0:0:0`, false, true],
    [`7A9533E1649C51F0:${zero}:DE9533E1649C51F0:B5D281FEC624A0C2:1:1:0:1:0:0:0`, false, false],
    [`0000000000000004:${zero}:91A2B3C4D5E6F708:${zero}:0:0:0:0:0:0`, false, false],
  ])('%s', (text, created, first) => {
    const generations = parseGenerations(text)
    expect(isJustCreated(generations)).toBe(created)
    expect(isFirstGeneration(generations)).toBe(first)
  })

  it('throws on anything else', () => {
    expect(() => parseGenerations('no metadata')).toThrow(/four identifiers/)
  })
})

describe('what drbdadm adjust would do', () => {
  // As printed by drbd-utils 9.22 for DRBD 8.4; secrets are not taken along.
  const pair = 'ipv4:172.16.100.210:7789 ipv4:172.16.100.211:7789'
  it.each([
    ['', [], true],
    ['drbdsetup-84 disk-options 0 --set-defaults --al-extents=1201', ['disk-options'], true],
    [
      `drbdsetup-84 net-options ${pair} --set-defaults --max-buffers=4000 --shared-secret=abc`,
      ['net-options'],
      true,
    ],
    [
      `drbdsetup-84 disconnect ${pair}\ndrbdsetup-84 connect drbd ${pair} --protocol=C`,
      ['disconnect', 'connect'],
      false,
    ],
    [
      'drbdsetup-84 detach 0\ndrbdmeta 0 v08 /dev/mapper/VolGroup-lv_other internal apply-al\ndrbdsetup-84 attach 0 /dev/mapper/VolGroup-lv_other',
      ['detach', 'apply-al', 'attach'],
      false,
    ],
  ])('%s', (text, steps, safe) => {
    expect(adjustSteps(text)).toEqual(steps)
    expect(steps.every((step) => harmless.has(step))).toBe(safe)
  })

  it('throws on what it cannot read, without quoting it: it may hold the shared secret', () => {
    expect(() => adjustSteps('odd --shared-secret=abc')).toThrow(
      /^drbdadm --dry-run adjust: cannot read its answer$/,
    )
  })
})
