#!/bin/sh
# The 46 tasks and 4 handlers by hand: sh shell.sh check|apply NODE (1 or 2). Prints what differs
# (check) or was changed (apply), then changed=N. A contender, and the oracle of the end state: after
# any contender has been there, check must find nothing.
set -eu
mode=$1
case $2 in
1) me=M1 peer=M2 peer_em2=172.16.0.211 peer_em3=172.16.100.211 ;;
2) me=M2 peer=M1 peer_em2=172.16.0.210 peer_em3=172.16.100.210 ;;
esac
node=$2 domain=redhat.sx vip=192.168.0.219 changed=0 notified=

fail() { echo "failed: $1"; exit 1; }
# differs ITEM: counts it; true when the caller is to put it right.
differs() { changed=$((changed + 1)); echo "$1"; [ "$mode" = apply ]; }
# Whether the files are by now as they should be, so that they can be tried.
settled() { [ "$mode" = apply ] || [ "$changed" = 0 ]; }
notify() { notified="$notified $1"; }

# One stat for every path whose mode or kind matters.
stats="
$(stat -c '%n %a %U:%G %F' /var/lib/ha-nfs /etc/hostname /etc/rc.local /etc/sysctl.d/60-ha-nfs.conf \
	/etc/iptables /etc/iptables/rules.v4 /etc/cron.d/ntpdate /etc/ha.d /etc/ha.d/ha.cf /etc/ha.d/authkeys \
	/etc/logrotate.d/heartbeat /etc/drbd.d /etc/drbd.d/global_common.conf /etc/drbd.d/drbd.res /data \
	/var/lib/ha-nfs/initial-primary /etc/exports /etc/nfs.conf.d/ha.conf /etc/hosts.allow \
	/etc/ha.d/resource.d/nfsd /etc/ha.d/haresources /usr/local/sbin/ha-nfs-check /etc/cron.d/ha-nfs-check \
	/etc/ha-nfs.release 2>/dev/null || :)
"
has() { case $stats in *"
$1
"*) ;; *) return 1 ;; esac; }

packages() {
	[ "$(dpkg-query -W -f '${db:Status-Abbrev}\n' "$@" 2>/dev/null | grep -c '^ii')" = $# ] && return
	! differs "packages $*" || apt-get install -y "$@"
}
directory() { # PATH MODE
	has "$1 $2 root:root directory" && return
	! differs "$1" || install -d -m "$2" "$1"
}
file() { # PATH MODE HANDLER CONTENT
	has "$1 $2 root:root regular file" && cmp -s - "$1" <<-END && return
		$4
	END
	[ -z "$3" ] || notify "$3"
	differs "$1" || return 0
	printf '%s\n' "$4" >"$1.new"
	chmod "$2" "$1.new"
	mv "$1.new" "$1"
}
line() { # FILE LINE [BASIC REGEXP of the line it replaces]
	grep -qxF -- "$2" "$1" 2>/dev/null && return
	differs "$1: $2" || return 0
	if [ -n "${3:-}" ] && grep -q -- "$3" "$1"; then sed -i "s|$3.*|$2|" "$1"; else echo "$2" >>"$1"; fi
}
link() { # PATH TARGET
	[ "$(readlink "$1")" = "$2" ] && return
	! differs "$1" || ln -sfn "$2" "$1"
}
absent() { [ -e "$1" ] || [ -L "$1" ] || return 0; ! differs "$1" || rm -f "$1"; }

# base
kernel=$(uname -r)
case $kernel in [01].* | 2.[0-5].*) fail "kernel $kernel" ;; esac
ip -o -4 addr show >/dev/null || fail addresses
packages iproute2 procps psmisc iputils-ping cron heartbeat drbd-utils nfs-kernel-server rpcbind
directory /var/lib/ha-nfs 750
file /etc/hostname 644 '' "$me.$domain"
line /etc/hosts "192.168.0.210 M1.$domain" ".*[[:space:]]M1\.redhat\.sx$"
line /etc/hosts "192.168.0.211 M2.$domain" ".*[[:space:]]M2\.redhat\.sx$"
has '/etc/rc.local 755 root:root regular file' || {
	! differs /etc/rc.local || { [ -e /etc/rc.local ] || echo '#!/bin/sh' >/etc/rc.local; chmod 755 /etc/rc.local; }
}
line /etc/rc.local "ip route replace $peer_em2 dev em2"
line /etc/rc.local "ip route replace $peer_em3 dev em3"
file /etc/sysctl.d/60-ha-nfs.conf 644 sysctl "# HA NFS node $me.$domain
net.ipv4.conf.all.arp_ignore = 1
net.ipv4.conf.all.arp_announce = 2
net.ipv4.ip_nonlocal_bind = 1
vm.swappiness = 10"
directory /etc/iptables 755
file /etc/iptables/rules.v4 640 '' '*filter
:INPUT ACCEPT [0:0]
:FORWARD ACCEPT [0:0]
:OUTPUT ACCEPT [0:0]
COMMIT'
file /etc/cron.d/ntpdate 644 '' '*/30 * * * * root ntpdate 192.168.0.1 >/dev/null 2>&1'

# heartbeat
directory /etc/ha.d 755
file /etc/ha.d/ha.cf 644 heartbeat "debugfile /var/log/ha-debug
logfile /var/log/ha-log
logfacility local0
keepalive 2
deadtime 10
warntime 6
udpport 694
mcast em2 225.0.0.192 694 1 0
auto_failback on
respawn hacluster /usr/lib/heartbeat/ipfail
node M1.$domain
node M2.$domain
ping 192.168.0.1"
file /etc/ha.d/authkeys 600 heartbeat 'auth 1
1 sha1 ha-nfs-bench'
file /etc/logrotate.d/heartbeat 644 '' '/var/log/ha-log /var/log/ha-debug {
    weekly
    rotate 8
    missingok
    compress
}'
absent /etc/systemd/system/multi-user.target.wants/heartbeat.service
getent passwd hacluster >/dev/null || fail 'no user hacluster'

# drbd
directory /etc/drbd.d 755
file /etc/drbd.d/global_common.conf 644 drbd 'global {
    usage-count no;
}
common {
    protocol C;
    disk {
        on-io-error detach;
        no-disk-flushes;
        no-md-flushes;
    }
    net {
        cram-hmac-alg "sha1";
        shared-secret "allendrbd";
        sndbuf-size 512k;
        max-buffers 8000;
        unplug-watermark 1024;
        max-epoch-size 8000;
        after-sb-0pri disconnect;
        after-sb-1pri disconnect;
        after-sb-2pri disconnect;
        rr-conflict disconnect;
    }
    syncer {
        rate 1024M;
        al-extents 517;
    }
}'
file /etc/drbd.d/drbd.res 640 drbd "resource drbd {
    on M1.$domain {
        device /dev/drbd0;
        disk /dev/mapper/VolGroup-lv_drbd;
        address 172.16.100.210:7789;
        meta-disk internal;
    }
    on M2.$domain {
        device /dev/drbd0;
        disk /dev/mapper/VolGroup-lv_drbd;
        address 172.16.100.211:7789;
        meta-disk internal;
    }
}"
line /etc/modules drbd
link /etc/systemd/system/multi-user.target.wants/drbd.service /lib/systemd/system/drbd.service
directory /data 755
line /etc/fstab '/dev/drbd0 /data ext4 noauto,noatime 0 0' '^/dev/drbd0[[:space:]]'
[ "$node" != 1 ] || file /var/lib/ha-nfs/initial-primary 644 '' drbd
! settled || grep -qF "on $me.$domain {" /etc/drbd.d/drbd.res || fail drbd.res

# nfs
file /etc/exports 644 exports '/data 192.168.0.0/24(rw,sync,no_root_squash,anonuid=0,anongid=0)'
file /etc/nfs.conf.d/ha.conf 644 exports "[nfsd]
threads = 16
host = $vip"
line /etc/idmapd.conf "Domain = $domain" '^#\{0,1\}[[:space:]]*Domain[[:space:]]*='
block='# BEGIN ha-nfs
rpcbind: 192.168.0.0/24
mountd: 192.168.0.0/24
# END ha-nfs'
case "
$(cat /etc/hosts.allow 2>/dev/null || :)
" in
*"
$block
"*) has '/etc/hosts.allow 644 root:root regular file' || ! differs 'mode of /etc/hosts.allow' || chmod 644 /etc/hosts.allow ;;
*)
	! differs /etc/hosts.allow || {
		[ ! -e /etc/hosts.allow ] || sed -i '/^# BEGIN ha-nfs$/,/^# END ha-nfs$/d' /etc/hosts.allow
		echo "$block" >>/etc/hosts.allow
		chmod 644 /etc/hosts.allow
	} ;;
esac
absent /etc/systemd/system/multi-user.target.wants/rpcbind.service
absent /etc/systemd/system/sockets.target.wants/rpcbind.socket
absent /etc/systemd/system/multi-user.target.wants/nfs-server.service
! settled || grep -q '^/data ' /etc/exports || fail exports

# integrate
for script in IPaddr drbddisk Filesystem; do
	[ -x /etc/ha.d/resource.d/$script ] || fail "no resource script $script"
done
file /etc/ha.d/resource.d/nfsd 755 '' "#!/bin/sh
# heartbeat resource: NFS server on $me.$domain
case \$1 in
start)
    /etc/init.d/nfs restart
    ;;
stop)
    for proc in rpc.mountd rpc.rquotad nfsd nfsd; do
        killall -9 \$proc
    done
    ;;
esac"
link /etc/init.d/nfs nfs-kernel-server
file /etc/ha.d/haresources 644 heartbeat "M1.$domain IPaddr::$vip/24/em1 drbddisk::drbd Filesystem::/dev/drbd0::/data::ext4 nfsd"
file /usr/local/sbin/ha-nfs-check 755 '' "#!/bin/sh
# Does $me.$domain hold what the cluster needs?
for f in /etc/ha.d/ha.cf /etc/ha.d/authkeys /etc/ha.d/haresources /etc/drbd.d/drbd.res /etc/exports; do
    [ -s \$f ] || { echo \"missing \$f\"; exit 1; }
done
[ \"\$1\" = --config ] && exit 0
ip -o -4 addr show | grep -q ' $vip/' && echo active || echo standby"
file /etc/cron.d/ha-nfs-check 644 '' '* * * * * root /usr/local/sbin/ha-nfs-check >>/var/log/ha-nfs-check 2>&1'
file /etc/ha-nfs.release 644 '' "node=$me.$domain
peer=$peer.$domain
vip=$vip"
if settled; then
	sh -n /etc/ha.d/resource.d/nfsd || fail 'nfsd does not parse'
	/usr/local/sbin/ha-nfs-check --config || fail ha-nfs-check
fi

# handlers
if [ "$mode" = apply ]; then
	for handler in sysctl drbd exports heartbeat; do
		case " $notified " in *" $handler "*) ;; *) continue ;; esac
		[ $handler != sysctl ] || sysctl --dry-run -p /etc/sysctl.d/60-ha-nfs.conf >/dev/null
		echo $handler >>/var/lib/ha-nfs/handlers.log
	done
fi
echo "changed=$changed"
