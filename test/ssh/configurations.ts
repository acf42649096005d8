import { writeFileSync } from 'node:fs'
import { userInfo } from 'node:os'
import { join } from 'node:path'

const { username } = userInfo()

/** What a configuration may name: files under `root` and the ports of three servers. */
export interface Place {
  readonly root: string
  readonly near: number
  readonly middle: number
  readonly far: number
  readonly closed: number
}

export interface Case {
  readonly title: string
  readonly config: (place: Place) => string
  readonly host?: string
  /** The port of the server that is reached; none where the login must fail. */
  readonly reaches: ((place: Place) => number) | undefined
  /** What both say where it fails. */
  readonly says?: RegExp
  readonly agent?: boolean
  readonly asks?: boolean
}

const common = ({ root }: Place) => `UserKnownHostsFile ${root}/known_hosts\nUser ${username}\n`
const far = (place: Place) => place.far

/** An administrator's ways to say how a host is reached. */
export const cases: readonly Case[] = [
  {
    title: 'an alias: HostName, Port, User, IdentityFile with a token',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/%n
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'an included file, and the first value counts',
    config: (p) => {
      writeFileSync(join(p.root, 'included'), `Host m1\n  Port ${p.far}\n`)
      return `Include ${p.root}/included
Host m*
  HostName 127.0.0.1
  Port ${p.closed}
  IdentityFile ${p.root}/keys/m1
  ${common(p)}`
    },
    reaches: far,
  },
  {
    title: 'Match exec and Match host',
    config: (p) => `Match originalhost m1 exec "test -e ${p.root}/keys"
  HostName 127.0.0.1
  Port ${p.far}
Match host 127.0.0.1
  IdentityFile ${p.root}/keys/m1
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'ProxyJump over two hosts, each with its own key',
    config: (p) => `Host near
  Port ${p.near}
  IdentityFile ${p.root}/keys/near
Host middle
  Port ${p.middle}
  IdentityFile ${p.root}/keys/middle
Host m1
  ProxyJump near,middle
  Port ${p.far}
  IdentityFile ${p.root}/keys/m1
Host *
  HostName 127.0.0.1
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'a jump host that is itself behind one, with user and port in the word',
    config: (p) => `Host near
  Port ${p.near}
  IdentityFile ${p.root}/keys/near
Host middle
  ProxyJump ${username}@near:${p.near}
  IdentityFile ${p.root}/keys/middle
Host m1
  ProxyJump middle:${p.middle}
  Port ${p.far}
  IdentityFile ${p.root}/keys/m1
Host *
  HostName 127.0.0.1
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'ProxyCommand with tokens',
    config: (p) => `Host near
  HostName 127.0.0.1
  Port ${p.near}
  IdentityFile ${p.root}/keys/near
Host m1
  HostName localhost
  HostKeyAlias far.test
  Port ${p.far}
  ProxyCommand ssh -F ${p.root}/config -W 127.0.0.1:%p near
  IdentityFile ${p.root}/keys/m1
Host *
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'an encrypted key in an agent, chosen by its public half among many',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityAgent ${p.root}/agent
  IdentityFile ${p.root}/keys/sealed.pub
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: far,
  },
  {
    title: "the environment's agent, forwarded",
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/sealed
  ForwardAgent yes
  ${common(p)}`,
    agent: true,
    reaches: far,
  },
  {
    title: 'an encrypted key and a question for its passphrase',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/sealed
  ${common(p)}`,
    asks: true,
    reaches: far,
  },
  {
    title: 'a certificate of the user, and an authority for the host under an alias',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  HostKeyAlias far.test
  UserKnownHostsFile ${p.root}/authorities
  IdentityFile ${p.root}/keys/certified
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'a new host, with accept-new',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  StrictHostKeyChecking accept-new
  UserKnownHostsFile ${p.root}/new_hosts
  IdentityFile ${p.root}/keys/m1
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'a new host without it',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  UserKnownHostsFile ${p.root}/none
  IdentityFile ${p.root}/keys/m1
  ${common(p)}`,
    reaches: undefined,
    says: /Host key verification failed/,
  },
  {
    title: "ciphers, key exchange, compression, keepalives and time-outs of one's own",
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/m1
  Ciphers aes128-ctr
  KexAlgorithms sntrup761x25519-sha512@openssh.com
  Compression yes
  ServerAliveInterval 7
  ConnectTimeout 9
  ControlMaster auto
  ControlPath ${p.root}/own-%C
  ControlPersist 60
  LocalForward ${p.closed} 127.0.0.1:1
  RemoteCommand false
  RequestTTY force
  ${common(p)}`,
    reaches: far,
  },
  {
    title: 'a key that may not log in',
    config: (p) => `Host m1
  HostName 127.0.0.1
  Port ${p.far}
  IdentityFile ${p.root}/keys/near
  IdentitiesOnly yes
  ${common(p)}`,
    reaches: undefined,
    says: /Permission denied \(publickey/,
  },
  {
    title: 'a word that ssh does not know',
    config: (p) => `Host m1\n  HostNam 127.0.0.1\n  ${common(p)}`,
    reaches: undefined,
    says: /line 2: Bad configuration option: hostnam/,
  },
]
