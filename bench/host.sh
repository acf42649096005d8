#!/bin/sh
# One test host: sh host.sh BASE DIR ADDRESS PORT NAME, as PID 1 of its own mount, UTS and PID
# namespace (hosts.ts starts it with unshare). The host's root is an overlay on BASE, its changes
# are in DIR/upper, and it ends as a real sshd on ADDRESS:PORT. Its mounts go with the namespace.
set -eu
base=$1 dir=$2 address=$3 port=$4 name=$5 root=$2/root

read -r pid _ </proc/self/stat    # /proc is still the outer one: the pid that `down` ends
mount -t overlay overlay -o "lowerdir=$base,upperdir=$dir/upper,workdir=$dir/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs -o ro sysfs "$root/sys"
mount -t tmpfs -o mode=755,size=4m tmpfs "$root/run"
mount -t tmpfs -o mode=755,size=1m tmpfs "$root/dev"
mkdir -p "$root/run/sshd" "$root/run/lock" "$root/dev/pts" "$root/dev/shm"
chmod 1777 "$root/run/lock" "$root/dev/shm"
device() { mknod -m 666 "$root/dev/$1" c "$2" "$3"; }
device null 1 3
device zero 1 5
device full 1 7
device random 1 8
device urandom 1 9
device tty 5 0
mount -t devpts -o newinstance,ptmxmode=0666,mode=620,gid=5 devpts "$root/dev/pts"
ln -s pts/ptmx "$root/dev/ptmx"
ln -s /proc/self/fd "$root/dev/fd"
hostname "$name"
echo "$pid" >"$dir/pid"
exec chroot "$root" /usr/bin/env -i \
	PATH=/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin \
	/usr/sbin/sshd -D -e -o "ListenAddress=$address:$port" -o PidFile=none
