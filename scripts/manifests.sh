#!/usr/bin/env bash
# Plain manifests from the chart, for whoever uses no helm. `--check`: only say whether they are what they should be.
set -euo pipefail
cd "$(dirname "$0")/.."
to=deploy/manifests/submirror.yaml

render() {
  echo "# Made from deploy/helm by scripts/manifests.sh: adapt deploy/helm/values-example.yaml and make it again."
  build/tools/helm template submirror deploy/helm/submirror --namespace submirror \
    --values deploy/helm/values-example.yaml 2>/dev/null |
    grep -v -e 'app.kubernetes.io/managed-by: Helm' -e 'helm.sh/chart:' -e '^# Source:'
}

if [ "${1:-}" = --check ]; then
  render | cmp --silent - "$to" || { echo "$to is not what the chart makes: run scripts/generate.sh" >&2; exit 1; }
else
  # Beside it first: what fails half-way must not take the place of what was there.
  render >"$to.new" || { rm -f "$to.new"; echo "the chart could not be rendered: make setup installs helm" >&2; exit 1; }
  mv "$to.new" "$to"
fi
