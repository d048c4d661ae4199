#!/usr/bin/env bash
# Runs the tests, group by group, and sums up: test.sh [GROUP...]. A test that is skipped has failed.
set -uo pipefail
cd "$(dirname "$0")/.." || exit

# Group: root of sources, root of what was compiled, test files at a time, seconds it may take on a machine that is busy
# with other things too.
declare -A groups=(
  [unit]="test/unit dist/test/unit 2 600"
  [native]="native/test native/dist/test 1 600"
  [bpf]="test/bpf dist/test/bpf 1 900"
  [deploy]="test/deploy dist/test/deploy 1 600"
  [lab]="test/lab dist/test/lab 1 1800"
)
order=(unit native bpf deploy lab)
logs=build/test
mkdir -p "$logs"

count() { sed -n "s/^# $2 //p" "$logs/$1.tap" | tail -1; }

run_group() {
  local name=$1 sources compiled concurrency seconds files started status
  read -r sources compiled concurrency seconds <<<"${groups[$name]}"
  # From the sources: what was compiled from files that are gone must not run.
  mapfile -t files < <(find "$sources" -name '*.test.ts' 2>/dev/null | sed "s|^$sources/|$compiled/|; s|\.ts$|.js|" | sort)
  if [ "${#files[@]}" = 0 ]; then return 0; fi
  printf '%-7s %3d files ... ' "$name" "${#files[@]}"
  started=$SECONDS
  timeout --kill-after=20 "$seconds" node --test --test-concurrency="$concurrency" \
    --test-reporter=spec --test-reporter-destination="$logs/$name.txt" \
    --test-reporter=tap --test-reporter-destination="$logs/$name.tap" "${files[@]}"
  status=$?
  local passed failed skipped
  passed=$(count "$name" pass) failed=$(count "$name" fail) skipped=$(count "$name" skipped)
  printf '%s passed, %s failed, %s skipped, %d s\n' "${passed:-0}" "${failed:-?}" "${skipped:-?}" $((SECONDS - started))
  if [ -n "${VERBOSE:-}" ]; then cat "$logs/$name.txt"; fi
  if [ "$status" = 0 ] && [ "${skipped:-1}" = 0 ] && [ "${passed:-0}" != 0 ]; then return 0; fi
  if [ "$status" = 124 ]; then echo "$name: not done after $seconds s" >&2; fi
  if [ -z "${VERBOSE:-}" ]; then
    if grep -q 'failing tests:' "$logs/$name.txt"; then sed -n '/failing tests:/,$p' "$logs/$name.txt"; else tail -40 "$logs/$name.txt"; fi
  fi
  grep -h 'SKIP' "$logs/$name.tap" | sed 's/^ */skipped: /'
  return 1
}

failed=()
for name in "${@:-${order[@]}}"; do
  if [ -z "${groups[$name]:-}" ]; then
    echo "test: no group \"$name\"; there are ${order[*]}" >&2
    exit 2
  fi
  run_group "$name" || failed+=("$name")
done
if [ "${#failed[@]}" -gt 0 ]; then
  echo "FAILED: ${failed[*]} (all that was said: $logs/)"
  exit 1
fi
echo "all tests passed"
