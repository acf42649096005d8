import { on } from './tandem.ts'

/** Files, packages, units, routes and addresses of a machine, as text to compare. */
export function picture(host: string): Promise<string> {
  // Left out: what the kernel, a login and the watch write by themselves.
  return on(
    host,
    `find / -xdev \\( -path /proc -o -path /sys -o -path /run -o -path /dev -o -path /tmp -o -path /var/log -o -path /var/lib/systemd -o -path /var/cache/ldconfig -o -path /var/lib/tandem/served -o -path /var/lib/tandem/together -o -path /var/lib/tandem/state-together \\) -prune -o -printf '%p %y %m %u %g %s %T@ %l\\n' | sort
     dpkg-query -W
     systemctl list-unit-files --no-legend --no-pager
     ip -4 route; ip -o -4 addr | sed 's/valid_lft.*//'; cat /proc/modules | cut -d' ' -f1 | sort`,
  )
}

/** SHA-256 of a whole block device, read past the page cache. */
export async function diskHash(host: string, device: string): Promise<string> {
  const out = await on(host, `dd if=${device} bs=1M iflag=direct status=none | sha256sum`)
  return out.split(' ')[0] ?? ''
}

/** Writes small files with fsync through the mount of C1 and returns their checksums. */
export async function writeFiles(count: number, folder: string): Promise<string> {
  await on(
    'C1',
    `mkdir -p /data/${folder} && cd /data/${folder} && i=0 && while [ $i -lt ${count} ]; do printf '%s\\n' "image $i of ${folder}" >f$i; i=$((i+1)); done && dd if=/dev/urandom of=big bs=64k count=32 conv=fsync status=none && sync -f .`,
  )
  return sums(folder)
}

/** Checksums of the files as C1 reads them from the server, not from its own cache. */
export function sums(folder: string): Promise<string> {
  return on(
    'C1',
    `echo 3 >/proc/sys/vm/drop_caches; cd /data/${folder} && find . -type f | sort | xargs sha256sum`,
  )
}
