#!/usr/bin/env bash
# Installs what was built (make all) below a root: the program with all that it needs at run time and nothing else.
#   deploy/install.sh           below /, with systemd units: a node without Kubernetes
#   deploy/install.sh ROOT      below ROOT, without them: an image
# Leaves configuration, keys and state alone. Run it again to upgrade.
set -euo pipefail
cd "$(dirname "$0")/.."
root=${1:-}
tree=$root/usr/lib/submirror
# In an image, node lies where build-root.sh puts it.
node=${NODE:-$(command -v node)}

stop() {
  echo "install: $1" >&2
  exit 1
}

for built in dist/src/cli/main.js build/bpf/tc.o native/dist/src/index.js; do
  [ -e "$built" ] || stop "$built is not there: run make all first"
done

# The new tree is whole before the old one goes.
rm -rf "$tree.new"
install -d "$tree.new"
javascript() { (cd "$1" && find . -name '*.js' -print0 | tar -c --null -T - -f -) | tar -x -C "$2"; }
install -d "$tree.new/dist/src" "$tree.new/build/bpf" "$tree.new/share"
javascript dist/src "$tree.new/dist/src"
cp -L build/bpf/*.o "$tree.new/build/bpf/"
cp -R share/. "$tree.new/share/"
cp package.json LICENSE README.md deploy/image/healthcheck.mjs "$tree.new/"

# Exactly the packages that the program depends on; ours out of the workspace, without its sources.
while read -r package; do
  relative=${package#"$PWD/"}
  [ "$relative" != "$package" ] || continue
  if [ -L "$relative" ]; then
    install -d "$tree.new/$relative/dist/src"
    cp "$relative/package.json" "$tree.new/$relative/"
    javascript "$relative/dist/src" "$tree.new/$relative/dist/src"
  else
    install -d "$tree.new/$relative"
    cp -R "$relative/." "$tree.new/$relative/"
  fi
done < <(npm ls --omit=dev --all --parseable --loglevel=error)

npm sbom --omit=dev --sbom-format=cyclonedx --loglevel=error >"$tree.new/sbom.cdx.json"

install -d "$root/usr/bin"
printf '#!%s\nimport("./dist/src/cli/main.js");\n' "$node" >"$tree.new/submirror"
chmod 755 "$tree.new/submirror"
rm -rf "$tree.old"
if [ -e "$tree" ]; then mv "$tree" "$tree.old"; fi
mv "$tree.new" "$tree"
rm -rf "$tree.old"
ln -sfn ../lib/submirror/submirror "$root/usr/bin/submirror"

if [ -z "$root" ]; then
  install -d -m 700 /etc/submirror /etc/submirror/keys
  install -m 644 deploy/systemd/*.service /etc/systemd/system/
  install -m 644 deploy/systemd/sysusers.conf /usr/lib/sysusers.d/submirror.conf
  systemd-sysusers /usr/lib/sysusers.d/submirror.conf
  if [ -d /run/systemd/system ]; then systemctl daemon-reload; fi
  # The gateway reads its part of the configuration as its own user.
  chown root:submirror /etc/submirror /etc/submirror/keys
  chmod 750 /etc/submirror
  chmod 750 /etc/submirror/keys
fi
