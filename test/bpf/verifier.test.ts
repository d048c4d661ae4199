/** Every object loads, and no program has become much more work for the verifier than what is recorded. */
import assert from "node:assert/strict";
import { describe, test } from "node:test";
import { type Counts, environment, measureCounts, RECORD_COMMAND, RECORD_FILE, readRecord } from "./verifier-counts.js";

/** BPF_COMPLEXITY_LIMIT_INSNS; half of it is still far from refusal on kernels that prune less well. */
const KERNEL_LIMIT = 1_000_000;
const GROWTH = 1.1;

function flat(counts: Counts): Map<string, number> {
  return new Map(
    Object.entries(counts).flatMap(([object, programs]) =>
      Object.entries(programs).map(([program, count]) => [`${object} ${program}`, count] as const),
    ),
  );
}

describe("verifier counts", () => {
  const counts = flat(measureCounts());
  const here = environment();
  const recorded = flat(readRecord()[here] ?? {});

  test("objects with and without kfuncs load", () => {
    for (const object of ["tc.o", "tc-61.o", "xdp.o"])
      assert.ok(
        [...counts.keys()].some((name) => name.startsWith(`${object} `)),
        `${object} has no programs`,
      );
  });

  test("every program is far from the kernel's limit", () => {
    for (const [program, count] of counts)
      assert.ok(count <= KERNEL_LIMIT / 2, `${program}: ${count} instructions, at most ${KERNEL_LIMIT / 2} wanted`);
  });

  test(`no program has grown by more than a tenth (${here})`, (context) => {
    for (const [program, count] of counts)
      context.diagnostic(`${program}: ${count} (${recorded.get(program) ?? "new"})`);
    if (recorded.size === 0) {
      context.diagnostic(`Nothing is recorded for ${here}: only the kernel's limit was checked. ${RECORD_COMMAND}`);
      return;
    }
    const remedy = `If that is wanted, record it: ${RECORD_COMMAND}, and say why in the commit.`;
    for (const [program, count] of counts) {
      const before = recorded.get(program);
      assert.ok(before !== undefined, `${program} is not in ${RECORD_FILE}. Record it: ${RECORD_COMMAND}`);
      assert.ok(count <= before * GROWTH, `${program}: ${count} instructions, ${before} recorded. ${remedy}`);
    }
    const gone = [...recorded.keys()].filter((program) => !counts.has(program));
    assert.deepEqual(gone, [], `${RECORD_FILE} names programs that are no more. Record anew: ${RECORD_COMMAND}`);
  });
});
