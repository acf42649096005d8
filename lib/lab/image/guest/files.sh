#!/bin/sh
# Configures the guest's tree, from inside it. What differs from a stock Debian is listed here
# and only saves emulated instructions; networking, packages and services work as installed.
set -eu

# One host key, written by the lab before the first boot; no PAM session, no greeting.
rm -f /etc/ssh/ssh_host_*
cat >/etc/ssh/sshd_config.d/lab.conf <<'CONF'
HostKey /etc/ssh/ssh_host_ed25519_key
UsePAM no
PrintMotd no
PrintLastLog no
PasswordAuthentication no
CONF
# The remaining "!" would count as a locked account where PAM is off.
usermod -p '*' root
mkdir -p -m 0700 /root/.ssh

printf 'update_initramfs=no\n' >/etc/initramfs-tools/update-initramfs.conf
printf '/dev/vda / ext4 noatime,errors=remount-ro 0 0\n' >/etc/fstab
mkdir -p /etc/systemd/journald.conf.d
printf '[Journal]\nStorage=volatile\nRuntimeMaxUse=16M\nRateLimitIntervalSec=0\n' >/etc/systemd/journald.conf.d/lab.conf
printf 'kernel.panic = 5\nkernel.printk = 4 4 1 4\n' >/etc/sysctl.d/90-lab.conf

# Not needed by anything under test, and each costs seconds under emulation.
for unit in \
  apt-daily.timer apt-daily-upgrade.timer dpkg-db-backup.timer fstrim.timer e2scrub_all.timer \
  e2scrub_reap.service systemd-tmpfiles-clean.timer getty.target getty@tty1.service \
  serial-getty@ttyS0.service systemd-logind.service systemd-update-utmp.service \
  systemd-update-utmp-runlevel.service systemd-journal-flush.service systemd-pstore.service \
  systemd-binfmt.service proc-sys-fs-binfmt_misc.automount systemd-random-seed.service \
  systemd-machine-id-commit.service systemd-ask-password-console.path \
  systemd-ask-password-wall.path lvm2-monitor.service dm-event.socket blk-availability.service \
  lvm2-lvmpolld.socket sys-kernel-debug.mount sys-kernel-tracing.mount dev-hugepages.mount \
  dev-mqueue.mount sys-fs-fuse-connections.mount modprobe@drm.service modprobe@efi_pstore.service \
  modprobe@fuse.service modprobe@loop.service modprobe@configfs.service modprobe@dm_mod.service \
  systemd-hibernate-resume@.service motd-news.timer systemd-firstboot.service \
  systemd-boot-system-token.service systemd-pcrphase.service systemd-pcrphase-sysinit.service \
  systemd-repart.service systemd-sysusers.service; do
  ln -sf /dev/null "/etc/systemd/system/$unit"
done
# Each runs at every daemon-reload, and a package's installation reloads several times.
mkdir -p /etc/systemd/system-generators
for generator in bless-boot cryptsetup debug getty gpt-auto hibernate-resume integritysetup run \
  system-update veritysetup; do
  ln -sf /dev/null "/etc/systemd/system-generators/systemd-$generator-generator"
done
systemctl set-default -q multi-user.target

# Last step of every image: the only APT source is a folder of the machine itself.
cat >/usr/local/lib/tandem-seal <<'SCRIPT'
set -eu
cd /srv/apt
: >Packages
for package in *.deb; do
  [ -e "$package" ] || continue
  dpkg-deb -f "$package" >>Packages
  printf 'Filename: ./%s\nSize: %s\nSHA256: %s\n\n' "$package" "$(stat -c %s "$package")" \
    "$(sha256sum "$package" | cut -d ' ' -f 1)" >>Packages
done
printf 'Date: %s\nSHA256:\n %s %s Packages\n' "$(date -u '+%a, %d %b %Y %H:%M:%S UTC')" "$(sha256sum Packages | cut -d ' ' -f 1)" "$(stat -c %s Packages)" >Release
rm -rf /etc/apt/sources.list /etc/apt/sources.list.d/* /etc/apt/apt.conf.d/99mmdebstrap
rm -rf /var/lib/apt/lists/* /var/cache/apt/*.bin /usr/local/lib/tandem-*
if [ -s Packages ]; then
  printf 'deb [trusted=yes] file:/srv/apt ./\n' >/etc/apt/sources.list
fi
printf 'Acquire::Languages "none";\n' >/etc/apt/apt.conf.d/90lab
apt-get clean
apt-get update -q -o APT::Sandbox::User=root
apt-cache gencaches
: >/etc/machine-id
rm -f /etc/resolv.conf /var/log/dpkg.log /var/log/apt/*
SCRIPT
