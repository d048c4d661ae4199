#!/usr/bin/env bash
# TypeScript codecs from the eBPF object's BTF. `--check`: only say whether they are what they should be.
set -euo pipefail
cd "$(dirname "$0")/.."
enums=(direction limits drop_reason link_kind intercept_flags term_flags device_flags config_flags)
exec node native/dist/src/codegen/main.js build/bpf/tc.o --out src/datapath/layout.gen.ts \
  "${enums[@]/#/--enum=}" "$@"
