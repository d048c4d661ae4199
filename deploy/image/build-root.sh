#!/usr/bin/env bash
# Makes the image's root file system: build-root.sh ROOT. The Dockerfile and the tests call this same script, so that what
# the image holds is what was tested. No shell, no package manager, no compiler: node, the libraries that the program
# loads, certificates of public authorities, submirror. Run it after `make all`, on the Debian that the image is to have.
set -euo pipefail
cd "$(dirname "$0")/../.."
root=${1:?usage: build-root.sh ROOT}
# Libraries that are loaded at run time and that no program here is linked with.
loaded=(libbpf.so.1 libnss_dns.so.2 libnss_files.so.2)

rm -rf "$root"
install -d "$root"/{dev,proc,sys,bpf,tmp,run,usr/bin,usr/lib,etc/ssl/certs,etc/submirror,var/lib/submirror}
chmod 1777 "$root/tmp"
# One place for libraries, whatever the architecture calls it.
for name in lib lib64 bin; do ln -s "usr/$name" "$root/$name"; done
ln -s lib "$root/usr/lib64"

node=$(readlink -f "$(command -v node)")
install -m 755 "$node" "$root/usr/bin/node"
strip --strip-unneeded "$root/usr/bin/node" 2>/dev/null || true
NODE=/usr/bin/node deploy/install.sh "$root"

find_library() { ldconfig -p | awk -v name="$1" '$1 == name { print $NF; exit }'; }
# As many libraries as the ones already found ask for.
libraries() {
  local file
  for file in "$@"; do
    printf '%s\n' "$file"
    if ldd "$file" | grep 'not found' >&2; then return 1; fi
    ldd "$file" | awk '$2 == "=>" { print $3 } $1 ~ /^\// { print $1 }'
  done | sort -u
}
mapfile -t roots < <(for name in "${loaded[@]}"; do find_library "$name"; done)
[ "${#roots[@]}" = "${#loaded[@]}" ] || { echo "build-root: not all of ${loaded[*]} are installed" >&2; exit 1; }
# koffi brings a build for musl too, which nothing here loads.
find "$root/usr/lib/submirror" -path '*musl*' -name '*.node' -delete
mapfile -t native < <(find "$root/usr/lib/submirror" -name '*.node')
needed=$(libraries "$node" "${roots[@]}" "${native[@]}")
mapfile -t files < <(grep -vF "$root" <<<"$needed")
for file in "${files[@]}"; do
  [ "$file" = "$node" ] || install -m 755 -D "$(readlink -f "$file")" "$root/usr/lib/$(basename "$file")"
done
# Where the dynamic linker looks by itself.
printf '/usr/lib\n' >"$root/etc/ld.so.conf"
ldconfig -r "$root"

cp -L /etc/ssl/certs/ca-certificates.crt "$root/etc/ssl/certs/"
printf 'root:x:0:0:root:/:/nonexistent\nsubmirror:x:65532:65532:submirror:/:/nonexistent\n' >"$root/etc/passwd"
printf 'root:x:0:\nsubmirror:x:65532:\n' >"$root/etc/group"
printf 'hosts: files dns\n' >"$root/etc/nsswitch.conf"

# The bill of materials: npm's, and where the libraries come from. The package's list may have a path from before /lib
# became a link; node may come from elsewhere than a package.
owner() { { dpkg -S "$1" || dpkg -S "$(readlink -f "$1")" || dpkg -S "${1#/usr}"; } 2>/dev/null | head -1 | cut -d: -f1 || true; }
# shellcheck disable=SC2016 # dpkg-query's own placeholders
{
  echo ca-certificates
  for file in "${files[@]}"; do [ "$file" = "$node" ] || owner "$file"; done
} | sort -u | xargs dpkg-query -W -f '${Package} ${Version} ${Architecture}\n' |
  node dist/deploy/image/sbom.js "$root/usr/lib/submirror/sbom.cdx.json"
