#!/bin/busybox sh
# First program of a lab machine: loads the disk driver, mounts the root file system and hands
# over. A full initramfs with its own udev costs a quarter of the boot under emulation.
/bin/busybox mount -t devtmpfs dev /dev
exec </dev/console >/dev/console 2>&1
/bin/busybox mount -t proc proc /proc
echo 'tandem: kernel is up'
read -r cmdline </proc/cmdline
case " $cmdline " in
  *' tandem.probe '*) /bin/busybox poweroff -f ;;
esac
for module in /modules/*; do /bin/busybox insmod "$module"; done
tries=0
until [ -b /dev/vda ] || [ $tries -ge 100 ]; do
  /bin/busybox usleep 100000
  tries=$((tries + 1))
done
/bin/busybox mount -t ext4 -o rw,noatime /dev/vda /root || exec /bin/busybox sh
# The identity of this machine, appended to this archive by the lab: applied once, because what
# a playbook writes later must survive a reboot.
if [ -d /identity ] && [ ! -e /root/var/lib/tandem-identity ]; then
  /bin/busybox cp -a /identity/. /root/
  : >/root/var/lib/tandem-identity
fi
/bin/busybox umount /proc
/bin/busybox mount -o move /dev /root/dev
exec /bin/busybox switch_root /root /sbin/init
