#!/usr/bin/env bash
# Starts systemd on a copy of this system. Called by packaging/test.sh in new namespaces, with a folder for what it needs.
set -euo pipefail
run=$1

mount --make-rprivate /
mkdir "$run/memory"
mount -t tmpfs tmpfs "$run/memory"
mkdir "$run/memory"/{upper,work,root}
root=$run/memory/root
mount -t overlay overlay -o "lowerdir=/,upperdir=$run/memory/upper,workdir=$run/memory/work" "$root"
mount -t proc proc "$root/proc"
mount -t sysfs sysfs "$root/sys"
mount -t cgroup2 cgroup2 "$root/sys/fs/cgroup"
mount -t tmpfs tmpfs "$root/run"
mount -t tmpfs tmpfs "$root/tmp"
mount -t tmpfs tmpfs "$root/dev"
for device in null zero full random urandom tty; do
    mknod --mode 666 "$root/dev/$device" c "0x$(stat -c %t "/dev/$device")" "0x$(stat -c %T "/dev/$device")"
done
mkdir "$root/dev"/{shm,pts,mqueue}
mount -t devpts devpts "$root/dev/pts" -o newinstance,ptmxmode=0666
ln -s pts/ptmx "$root/dev/ptmx"
touch "$run/console" "$root/dev/console"
mount --bind "$run/console" "$root/dev/console"
# Tests of packages keep services from being started here; in the copy they are.
rm -f "$root/usr/sbin/policy-rc.d"
# The copy may be of a system on which other services are enabled.
rm -rf "$root/etc/systemd/system/multi-user.target.wants" "$root/etc/systemd/system/timers.target.wants"
ip link set lo up
# Services get file systems of their own, for which / has to be a root and no chroot, and its mounts shared.
mkdir "$root/before"
cd "$root"
pivot_root . before
umount --lazy /before
mount --make-rshared /
exec env -i container=ajpgate PATH=/usr/sbin:/usr/bin:/sbin:/bin \
    /lib/systemd/systemd --unit=multi-user.target --log-target=console
