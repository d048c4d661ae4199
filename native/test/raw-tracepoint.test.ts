import assert from "node:assert/strict";
import { getuid } from "node:process";
import { after, describe, it } from "node:test";
import { BpfError, BpfObject, BpfUsageError } from "../src/index.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { objectPath, u32 } from "./helpers/objects.js";

failOnLeaks();

const spec = BpfObject.open(objectPath("trace"));
spec.setGlobal("process", u32(process.pid));
const object = spec.load();
after(() => object.close());
const program = object.program("count_calls");

/** System calls of this process that the program saw. */
function calls(): bigint {
  const data = object.maps.find(({ name }) => name.endsWith(".bss"))?.lookup(u32(0));
  return data?.readBigUInt64LE(0) ?? assert.fail();
}

describe("a raw tracepoint", () => {
  it("runs its program until the link is closed", () => {
    const before = calls();
    const link = program.attachRawTracepoint("sys_enter");
    getuid?.();
    assert.ok(calls() > before);
    assert.equal(link.info().progId, program.id);
    link.close();
    const then = calls();
    getuid?.();
    assert.equal(calls(), then);
  });

  it("that the kernel does not have is refused with the remedy", () => {
    assert.throws(
      () => program.attachRawTracepoint("no_such_tracepoint"),
      (error: unknown) =>
        error instanceof BpfError && error.code === "ENOENT" && /no such tracepoint/.test(error.message),
    );
  });

  it("needs a name", () => {
    assert.throws(() => program.attachRawTracepoint("group/name"), BpfUsageError);
  });
});
