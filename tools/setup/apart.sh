#!/bin/bash
# Process 1 of a root apart: makes ROOT its "/" and runs a command in FOLDER there. When it ends or
# is killed, the kernel ends all that was started in it, and its mounts are gone.
# Usage: apart.sh READY ROOT FOLDER COMMAND…   (by apart.py, in namespaces of its own)
# It writes a line to the file descriptor READY when a network may be attached, and goes on when
# its standard input brings one.
set -euo pipefail
ready=$1 root=$2 folder=$3
shift 3

mount --bind "$root" "$root" # pivot_root wants a mount, and so does Docker's builder
cd "$root"
mount -t proc proc proc
mount -t sysfs sysfs sys # of this network namespace
mount --rbind /sys/fs/cgroup sys/fs/cgroup
mount -t devpts -o newinstance,ptmxmode=0666,mode=0620,gid=5 devpts dev/pts
mount -t tmpfs -o mode=1777 tmpfs dev/shm
mount -t tmpfs -o mode=0755 tmpfs run

echo ready >&"$ready"
exec {ready}>&-
read -r _

pivot_root . mnt
exec </dev/null
cd /
umount --lazy /mnt
# The root's own shell stays as process 1: it reaps what daemons leave behind.
# shellcheck disable=SC2016 # the variables are that shell's
exec /bin/bash -c 'cd "$0" && "$@"; exit $?' "$folder" "$@"
