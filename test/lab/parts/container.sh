#!/usr/bin/env bash
# Runs a program of an image's root file system as a container runtime would: container.sh ROOT BPFFS CONFIG USER CAPS ARGS...
# Mounts of its own; the root, /proc/sys and /sys read-only; the bpffs mounted at /bpf, as in the chart;
# user and group USER; of all capabilities only CAPS (names with commas, or none); no new privileges.
# Call it in a network namespace; it becomes that program.
set -euo pipefail
if [ "${OWN_MOUNTS:-}" != 1 ]; then OWN_MOUNTS=1 exec unshare --mount --propagation private -- "$0" "$@"; fi
root=$1 bpffs=$2 config=$3 user=$4 caps=$5
shift 5

mount --bind "$root" "$root"
mount -t proc proc "$root/proc"
mount --bind "$root/proc/sys" "$root/proc/sys"
mount -o remount,bind,ro "$root/proc/sys"
# Of the network namespace that this runs in.
mount -t sysfs -o ro sysfs "$root/sys"
mount --bind "$bpffs" "$root/bpf"
for place in dev tmp run var/lib/submirror etc/submirror; do mount -t tmpfs -o mode=755 tmpfs "$root/$place"; done
mkdir "$root/dev/net"
for device in null zero random urandom net/tun; do
  touch "$root/dev/$device"
  mount --bind "/dev/$device" "$root/dev/$device"
done
install -m 400 -o "$user" "$config" "$root/etc/submirror/submirror.yaml"
chown "$user" "$root/var/lib/submirror" "$root/run" "$root/tmp"
mount -o remount,bind,ro "$root"

keep=^${caps//,/\$|^}\$
drop=$(capsh --print | sed -n 's/^Bounding set =//p' | tr , '\n' | { grep -vE "$keep" || true; } | paste -sd,)
exec capsh --no-new-privs ${drop:+--drop="$drop"} --chroot="$root" --gid="$user" --uid="$user" --shell=/usr/bin/node -- \
  /usr/lib/submirror/submirror "$@"
