#!/bin/sh
# Turns a fresh Debian tree into the lab's disk images. Runs on the controller, as the
# customise hook of mmdebstrap, real root or root of a user namespace.
# usage: image.sh ROOT OUT GUEST PLANS
#   (the tree, the output folder, the folder of this script, and a folder for each system with the files
#   `installed`: packages it has from the start; `stored`: packages that the playbook installs, which are left as
#   packages while everything they need is baked in; `script`: the last step)
set -eu
root=$1 out=$2 guest=$3 plans=$4
disk_mib=4096

export DEBIAN_FRONTEND=noninteractive LC_ALL=C
run() { chroot "$root" "$@"; }
step() { echo "STEP $*"; }
# Downloads happen outside the tree, with the controller's certificates and proxy; the tree's own
# apt only unpacks.
fetch() {
  APT_CONFIG=$MMDEBSTRAP_APT_CONFIG apt-get -q -y -o APT::Sandbox::User=root \
    --no-install-recommends "$@" </dev/null
}
apt_install() {
  fetch install --download-only "$@"
  run apt-get install -y -q --no-install-recommends --no-download "$@" </dev/null
}

# A copy without the mounted /proc, /sys and /dev, then a file system straight from that copy:
# no loop device and no mount, so it works unprivileged.
make_disk() {
  rm -rf "$out/tree"
  mkdir -m 0755 "$out/tree"
  cp -a --one-file-system "$root/." "$out/tree/"
  # What mmdebstrap puts there to keep services from starting, and takes away after this hook.
  rm -f "$out/tree/usr/sbin/policy-rc.d" "$out/tree/dev/console" "$out/tree/dev/null"
  if [ -e "$out/tree/sbin/start-stop-daemon.REAL" ]; then
    mv -f "$out/tree/sbin/start-stop-daemon.REAL" "$out/tree/sbin/start-stop-daemon"
  fi
  rm -rf "$out/tree/var/cache/apt/archives/"*.deb "$out/tree/boot/"* "$out/tree/tmp/"*
  mke2fs -q -F -t ext4 -O ^metadata_csum,^64bit,^has_journal -E lazy_itable_init=0,root_owner=0:0 \
    -m 0 -L root -d "$out/tree" "$out/$1.raw" "${disk_mib}M"
  tune2fs -j "$out/$1.raw" >/dev/null
  tune2fs -c 0 -i 0 "$out/$1.raw" >/dev/null
  rm -rf "$out/tree"
}

step 'configuring the guest'
cp "$guest/files.sh" "$root/tmp/files.sh"
run sh /tmp/files.sh
rm "$root/tmp/files.sh"

step 'making the initial RAM disk'
kernel=$(run sh -c 'ls /lib/modules' | head -n 1)
ramdisk=$root/tmp/ramdisk
mkdir -p "$ramdisk/bin" "$ramdisk/dev" "$ramdisk/proc" "$ramdisk/root" "$ramdisk/modules"
cp "$root/bin/busybox" "$ramdisk/bin/busybox"
cp "$guest/init.sh" "$ramdisk/init"
chmod 0755 "$ramdisk/init"
# Numbered in the order they must be loaded, so that init needs no modprobe.
number=100
for module in $(run modprobe -S "$kernel" --show-depends -a virtio_pci virtio_blk virtio_net ext4 crc32c_generic |
  sed -n 's/^insmod \([^ ]*\).*/\1/p' | awk '!seen[$0]++'); do
  cp "$root$module" "$ramdisk/modules/$number-${module##*/}"
  number=$((number + 1))
done
run sh -c 'cd /tmp/ramdisk && find . | cpio --quiet -o -H newc -R 0:0' >"$out/initrd"
rm -rf "$ramdisk"
cp "$root/boot/vmlinuz-$kernel" "$out/vmlinuz"

# Every system begins with this tree; the packages of one must not meet those of another.
step 'keeping a copy for each system'
mkdir -m 0755 "$out/base"
cp -a --one-file-system "$root/." "$out/base/"

# Same folder, so that the mounts of mmdebstrap stay in place: only the files are put back.
begin_again() {
  for entry in etc usr var srv root lib bin sbin lib64; do
    [ -d "$root/$entry" ] && [ ! -L "$root/$entry" ] || continue
    rm -rf "${root:?}/$entry"
    cp -a "$out/base/$entry" "$root/$entry"
  done
}

# What needs the packages that are to be stored, and is itself none of them.
closure_of() {
  closure=$(run apt-get install -s --no-install-recommends "$@" | sed -n 's/^Inst \([^ ]*\).*/\1/p')
  for name in "$@"; do
    closure=$(printf '%s\n' $closure | grep -vx -- "$name" || true)
  done
  printf '%s\n' $closure
}

for plan in "$plans"/*/; do
  system=$(basename "$plan")
  installed=$(cat "$plan/installed") stored=$(cat "$plan/stored")
  [ -z "${begun-}" ] || begin_again
  begun=yes
  mkdir -p "$root/srv/apt"
  if [ -n "$installed" ]; then
    step "installing what the $system has from the start"
    apt_install $installed
  fi
  if [ -n "$stored" ]; then
    step "baking what the $system needs"
    closure=$(closure_of $stored)
    [ -z "$closure" ] || apt_install $closure
    step "storing the packages the playbook installs on the $system"
    (cd "$root/srv/apt" && fetch download $stored)
    for name in $stored; do
      if run dpkg -s "$name" >/dev/null 2>&1; then
        echo "E: a role installs $name, and another package of the $system depends on $name: add $name to packages([...]) of the role that installs that package" >&2
        exit 1
      fi
    done
  fi
  if [ -s "$plan/script" ]; then
    cp "$plan/script" "$root/tmp/script"
    run sh /tmp/script
    rm "$root/tmp/script"
  fi
  run sh /usr/local/lib/tandem-seal
  step "writing the disk of the $system"
  make_disk "$system"
done
rm -rf "$out/base"
printf '%s\n' "$kernel" >"$out/kernel"
