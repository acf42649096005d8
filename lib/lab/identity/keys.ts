import { generateKeyPairSync, randomBytes } from 'node:crypto'

/** A key pair in OpenSSH's formats. */
export interface KeyPair {
  readonly private: string
  /** One line without a comment. */
  readonly public: string
}

const kind = 'ssh-ed25519'

/** A length and the bytes, as SSH writes strings. */
function string(value: string | Buffer): Buffer {
  const bytes = Buffer.from(value as string)
  const length = Buffer.alloc(4)
  length.writeUInt32BE(bytes.length)
  return Buffer.concat([length, bytes])
}

/**
 * A new Ed25519 pair: the cheapest to verify with under emulation. Encoded here because ssh2's own
 * generator now and then writes a key that OpenSSH cannot load.
 */
export function newKeyPair(): KeyPair {
  const jwk = generateKeyPairSync('ed25519').privateKey.export({ format: 'jwk' })
  const seed = Buffer.from(String(jwk.d), 'base64url')
  const point = Buffer.from(String(jwk.x), 'base64url')
  const blob = Buffer.concat([string(kind), string(point)])
  const check = randomBytes(4)
  const secret = Buffer.concat([
    ...[check, check, string(kind), string(point)],
    ...[string(Buffer.concat([seed, point])), string('')],
  ])
  // Without a cipher the block size is 8, and the padding counts 1, 2, 3 …
  const padding = Buffer.from(
    Array.from({ length: (8 - (secret.length % 8)) % 8 }, (_, index) => index + 1),
  )
  const body = Buffer.concat([
    ...[Buffer.from('openssh-key-v1\0'), string('none'), string('none'), string('')],
    ...[Buffer.from([0, 0, 0, 1]), string(blob), string(Buffer.concat([secret, padding]))],
  ])
  const lines = body.toString('base64').replace(/(.{70})(?=.)/g, '$1\n')
  return {
    private: `-----BEGIN OPENSSH PRIVATE KEY-----\n${lines}\n-----END OPENSSH PRIVATE KEY-----\n`,
    public: `${kind} ${blob.toString('base64')}`,
  }
}
