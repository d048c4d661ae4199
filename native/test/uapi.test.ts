/** Every number in sys/uapi.ts against the running kernel's own types. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import { type BtfComposite, parseBtf } from "../src/index.js";
import {
  ATTACH_TYPE,
  ATTR,
  COMMAND,
  HELPER,
  INFO,
  LINK_TYPE,
  MAP_TYPES,
  ORDER_FLAG,
  PROGRAM_TYPES,
  STATS_RUN_TIME,
  UPDATE_MODE,
} from "../src/sys/uapi.js";

const kernel = parseBtf(readFileSync("/sys/kernel/btf/vmlinux"));

/** All enumerators of the kernel; those of the user space interface are unique. */
const enumerators = new Map<string, number>();
for (const [, { values }] of kernel.ofKind("enum")) {
  for (const { name, value } of values) enumerators.set(name, Number(value));
}

function member(composite: BtfComposite, name: string): { offset: number; type: BtfComposite | undefined } {
  for (const { name: memberName, type: id, bitOffset } of composite.members) {
    const type = kernel.resolve(id);
    const inner = type.kind === "struct" || type.kind === "union" ? type : undefined;
    if (memberName === name) return { offset: bitOffset / 8, type: inner };
    if (memberName !== "" || inner === undefined || !kernel.offsets(inner).has(name)) continue;
    const found = member(inner, name);
    return { offset: bitOffset / 8 + found.offset, type: found.type };
  }
  throw new Error(`${composite.name} has no ${name}`);
}

/** Byte offset of `a.b.c` in a structure, and its type. */
function locate(composite: BtfComposite, path: string): { offset: number; type: BtfComposite | undefined } {
  let at: { offset: number; type: BtfComposite | undefined } = { offset: 0, type: composite };
  for (const name of path.split(".")) {
    assert.ok(at.type, path);
    const found = member(at.type, name);
    at = { offset: at.offset + found.offset, type: found.type };
  }
  return at;
}

function sameNumbers(table: Readonly<Record<string, number>>, prefix: string): void {
  for (const [name, value] of Object.entries(table)) assert.equal(value, enumerators.get(prefix + name), prefix + name);
}

describe("the kernel's interface", () => {
  it("has these map types", () => {
    MAP_TYPES.forEach((name, number) => {
      const kernelName = `BPF_MAP_TYPE_${name.toUpperCase()}`;
      assert.equal(enumerators.get(kernelName), number, kernelName);
    });
  });

  it("has these program types", () => {
    PROGRAM_TYPES.forEach((name, number) => {
      const kernelName = `BPF_PROG_TYPE_${name.toUpperCase()}`;
      assert.equal(enumerators.get(kernelName), number, kernelName);
    });
  });

  it("has these commands, attach types, link types and flags", () => {
    sameNumbers(COMMAND, "BPF_");
    sameNumbers(ATTACH_TYPE, "BPF_");
    sameNumbers(LINK_TYPE, "BPF_LINK_TYPE_");
    sameNumbers(HELPER, "BPF_FUNC_");
    assert.equal(STATS_RUN_TIME, enumerators.get("BPF_STATS_RUN_TIME"));
    sameNumbers({ LINK: ORDER_FLAG.LINK }, "BPF_F_");
    sameNumbers({ ANY: UPDATE_MODE.any, NOEXIST: UPDATE_MODE.noexist, EXIST: UPDATE_MODE.exist }, "BPF_");
  });

  for (const [name, fields] of Object.entries(ATTR)) {
    it(`has this attribute: ${name}`, () => {
      const attr = kernel.composite("bpf_attr");
      for (const [path, offset] of Object.entries(fields)) {
        assert.equal(locate(attr, `${name}.${path}`).offset, offset, `${name}.${path}`);
      }
    });
  }

  for (const [name, fields] of Object.entries(INFO)) {
    it(`has this information: ${name}`, () => {
      const info = kernel.composite(name);
      for (const [path, offset] of Object.entries(fields)) {
        assert.equal(locate(info, path).offset, offset, `${name}.${path}`);
      }
    });
  }
});
