#!/usr/bin/env bash
# TypeScript codecs from the eBPF objects' BTF, and docs/reference from the code. `--check`: only say whether they are what they should be.
set -euo pipefail
cd "$(dirname "$0")/.."
codegen=(node native/dist/src/codegen/main.js)
enums=(direction limits drop_reason link_kind intercept_flags term_flags device_flags config_flags)
"${codegen[@]}" build/bpf/tc.o --out src/datapath/layout.gen.ts "${enums[@]/#/--enum=}" "$@"
"${codegen[@]}" build/bpf/xdp.o --out src/datapath/xdp-layout.gen.ts \
  --enum=fan_out_way --map=fan_outs --map=ways_in --map=device_ways_in --map=vlan_ways_out --map=mediation_ports "$@"
node dist/scripts/reference/main.js "$@"
node dist/deploy/grafana/generate.js "$@"
node dist/deploy/helm/generate.js "$@"
scripts/manifests.sh "$@"
