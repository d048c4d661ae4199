#!/usr/bin/env bash
# Installs what is missing to build, demonstrate and test: Debian packages, npm packages. Does nothing where nothing is.
# `setup.sh bench`: also what `make bench` measures against.
set -euo pipefail
cd "$(dirname "$0")/.."

# What a program comes from: the Debian package, and a file that shows that it is there.
packages=(
  "clang-19 /usr/bin/clang-19"
  "bpftool /usr/sbin/bpftool"
  "libbpf-dev /usr/include/bpf/bpf_helpers.h"
  "make /usr/bin/make"
  "freeradius /usr/sbin/freeradius"
  "freeradius-rest /usr/lib/freeradius/rlm_rest.so"
  "freeradius-utils /usr/bin/radclient"
  "eapoltest /usr/bin/eapol_test"
  "openssl /usr/bin/openssl"
  "nats-server /usr/sbin/nats-server"
  "snmptrapd /usr/sbin/snmptrapd"
  "prometheus /usr/bin/promtool"
  "tshark /usr/bin/tshark"
  "tcpdump /usr/bin/tcpdump"
  "ethtool /usr/sbin/ethtool"
  "iproute2 /usr/sbin/ip"
  "iputils-ping /usr/bin/ping"
  "nftables /usr/sbin/nft"
  "procps /usr/sbin/sysctl"
  "util-linux /usr/bin/nsenter"
  "curl /usr/bin/curl"
  "zsh /usr/bin/zsh"
  "groff-base /usr/bin/groff"
  "fish /usr/bin/fish"
  "libcap2-bin /usr/sbin/capsh"
  "ca-certificates /etc/ssl/certs/ca-certificates.crt"
  "systemd /usr/bin/systemd-analyze"
  "unzip /usr/bin/unzip"
  "shellcheck /usr/bin/shellcheck"
)
if [ "${1:-}" = bench ]; then
  packages+=(
    "gcc /usr/bin/gcc"
    "libc6-dev /usr/include/stdio.h"
    "iptables /usr/sbin/iptables"
  )
fi

stop() {
  echo "setup: $1" >&2
  exit 2
}

check_node() {
  local major=0
  if command -v node >/dev/null; then major=$(node -p 'process.versions.node.split(".")[0]'); fi
  if [ "$major" -lt 20 ] || ! command -v npm >/dev/null; then
    stop "Node.js 20 or later with npm is needed. Debian 13: apt-get install nodejs npm. Debian 12 has an older one: take it from nodejs.org or NodeSource."
  fi
}

# /bin and /sbin may be the same as under /usr, or not; an equivalent installed by other means counts.
there() {
  [ -e "$1" ] || [ -e "${1#/usr}" ] || command -v "$(basename "$1")" >/dev/null
}

missing_packages() {
  local entry
  for entry in "${packages[@]}"; do there "${entry#* }" || echo "${entry%% *}"; done
}

# A service that a package brings must neither start now nor at the next boot: the lab runs its own, in namespaces.
install_packages() {
  local policy=/usr/sbin/policy-rc.d unit
  command -v apt-get >/dev/null || stop "these Debian packages are missing and there is no apt-get here: $*"
  [ "$(id -u)" = 0 ] || stop "these Debian packages are missing, and installing them needs root: $*"
  if [ ! -e "$policy" ]; then
    # shellcheck disable=SC2064 # expanded now, on purpose
    trap "rm -f '$policy'" EXIT
    printf '#!/bin/sh\nexit 101\n' >"$policy"
    chmod 755 "$policy"
  fi
  export DEBIAN_FRONTEND=noninteractive
  echo "setup: installing $*" >&2
  apt-get update -qq
  apt-get install -y -qq --no-install-recommends "$@" >/dev/null
  if command -v systemctl >/dev/null; then
    for unit in freeradius nats-server prometheus; do
      case " $* " in *" $unit "*) systemctl disable --quiet "$unit" 2>/dev/null || true ;; esac
    done
  fi
}

install_npm_packages() {
  local stamp=node_modules/.package-lock.json
  if [ -e "$stamp" ] && [ ! package-lock.json -nt "$stamp" ]; then return; fi
  echo "setup: installing npm packages" >&2
  npm ci --ignore-scripts --loglevel=error
  touch "$stamp"
}

check_kernel() {
  [ -r /sys/kernel/btf/vmlinux ] || stop "the kernel has no BTF (/sys/kernel/btf/vmlinux): run one built with CONFIG_DEBUG_INFO_BTF=y, as Debian's are."
}

check_node
check_kernel
mapfile -t missing < <(missing_packages)
if [ "${#missing[@]}" -gt 0 ]; then install_packages "${missing[@]}"; fi
install_npm_packages
scripts/get-kubernetes-tools.sh
