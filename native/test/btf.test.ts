import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import { elfSection } from "../src/btf/elf.js";
import { btfMaps } from "../src/btf/maps.js";
import { generate } from "../src/codegen/generate.js";
import { BpfObject, BtfError, parseBtf } from "../src/index.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { objectPath } from "./helpers/objects.js";

failOnLeaks();

const file = readFileSync(objectPath("maps"));
const section = elfSection(file, ".BTF") ?? assert.fail("no .BTF");
const btf = parseBtf(section);

describe("type information", () => {
  it("gives structures with sizes and offsets", () => {
    const everything = btf.composite("everything");
    assert.equal(everything.size, 160);
    const offsets = btf.offsets(everything);
    assert.equal(offsets.get("wide"), 8);
    assert.equal(offsets.get("v4"), offsets.get("v6"), "members of an unnamed union");
    assert.equal(offsets.get("grid"), 148);
  });

  it("gives the places of bit fields", () => {
    assert.deepEqual(
      btf.composite("bits").members.map(({ name, bitOffset, bitfieldBits }) => [name, bitOffset, bitfieldBits]),
      [
        ["flag", 0, 1],
        ["rest", 1, 31],
      ],
    );
  });

  it("gives the maps with their keys and values", () => {
    const maps = btfMaps(btf);
    const sessions = maps.find(({ name }) => name === "sessions");
    assert.deepEqual([sessions?.type, sessions?.maxEntries, sessions?.keySize, sessions?.valueSize], [1, 64, 8, 160]);
    const jumps = maps.find(({ name }) => name === "jumps");
    assert.deepEqual([jumps?.type, jumps?.key, jumps?.keySize, jumps?.valueSize], [3, undefined, 4, 4]);
  });

  it("follows typedefs and qualifiers", () => {
    const address = btf.composite("session_key").members.find(({ name }) => name === "address");
    assert.ok(address);
    assert.deepEqual(btf.typedefNames(address.type), ["__be32", "__u32"]);
    const resolved = btf.resolve(address.type);
    assert.ok(resolved.kind === "int" && resolved.size === 4 && !resolved.signed);
  });

  it("gives global variables with offsets once libbpf has read the file", () => {
    using spec = BpfObject.open(objectPath("maps"));
    const globals = spec.btf().globals();
    assert.equal(globals.get("step")?.section, ".rodata");
    assert.equal(globals.get("fixed_key")?.size, 8);
    assert.notEqual(globals.get("step")?.offset, globals.get("fixed_key")?.offset);
    assert.equal(globals.get("runs")?.section, ".bss");
  });

  it("is compared with a layout", () => {
    const layout = { name: "session_key", size: 8, offsets: { zone: 0, address: 4 } };
    btf.assertLayout(layout);
    assert.throws(
      () => btf.assertLayout({ name: "session_key", size: 12, offsets: { zone: 4, port: 8 } }),
      /structure "session_key" differs.*: 8 bytes instead of 12, "zone" at 0 instead of 4, no field "port", a further field "address"/,
    );
    assert.throws(() => btf.assertLayout({ ...layout, name: "session" }), /there is no structure "session"/);
  });

  it("of the whole kernel is read", () => {
    const kernel = parseBtf(readFileSync("/sys/kernel/btf/vmlinux"));
    assert.ok(kernel.count > 10_000);
    assert.equal(kernel.composite("__sk_buff").size, 192);
  });
});

/** Flips bytes of `bytes`, and cuts it. */
function damaged(bytes: Buffer): fc.Arbitrary<Buffer> {
  const change = fc.record({ at: fc.nat(bytes.length - 1), to: fc.integer({ min: 0, max: 255 }) });
  return fc.tuple(fc.array(change, { maxLength: 12 }), fc.option(fc.nat(bytes.length))).map(([changes, length]) => {
    const copy = Buffer.from(bytes.subarray(0, length ?? bytes.length));
    for (const { at, to } of changes) if (at < copy.length) copy[at] = to;
    return copy;
  });
}

const TYPES_START = 24;
const WORD = 4;

/** Puts other words into the types: numbers of other types make cycles, and heads of other kinds. */
function rewired(bytes: Buffer): fc.Arbitrary<Buffer> {
  const words = bytes.readUInt32LE(12) / WORD;
  const word = fc.oneof(
    { weight: 4, arbitrary: fc.nat(btf.count) },
    { weight: 1, arbitrary: fc.integer({ min: 0, max: 0xffff_ffff }) },
    { weight: 1, arbitrary: fc.tuple(fc.nat(20), fc.nat(6)).map(([kind, parts]) => kind * 2 ** 24 + parts) },
  );
  return fc.array(fc.record({ at: fc.nat(words - 1), to: word }), { minLength: 1, maxLength: 8 }).map((changes) => {
    const copy = Buffer.from(bytes);
    for (const { at, to } of changes) copy.writeUInt32LE(to, TYPES_START + at * WORD);
    return copy;
  });
}

/** Passes where `call` throws nothing but BtfError. */
function onlyBtfError(call: () => void): void {
  try {
    call();
  } catch (error) {
    if (!(error instanceof BtfError)) throw error;
  }
}

const RUNS = { numRuns: 1500 };
const everyStruct = { maps: [], structs: ["everything", "record"], enums: ["verdict"], command: "test" };

describe("damaged bytes", () => {
  it("that make a structure contain itself are refused", () => {
    const everything = section.indexOf(Buffer.from("everything\0")) - (TYPES_START + section.readUInt32LE(12));
    assert.ok(everything > 0);
    const copy = Buffer.from(section);
    // The type of the first member of struct everything becomes the structure itself.
    const head = Buffer.alloc(WORD);
    head.writeUInt32LE(everything);
    const at = copy.indexOf(head, TYPES_START);
    copy.writeUInt32LE(btf.find("everything") ?? 0, at + 16);
    const whole = Buffer.from(file);
    copy.copy(whole, file.indexOf(section));
    assert.throws(() => generate(whole, everyStruct), /contains itself|too many fields/);
  });

  it("in type information give nothing but BtfError", () => {
    fc.assert(
      fc.property(fc.oneof(damaged(section), rewired(section)), (bytes) =>
        onlyBtfError(() => {
          const types = parseBtf(bytes);
          types.globals();
          btfMaps(types);
          for (const [, composite] of types.ofKind("struct")) types.offsets(composite);
          for (let id = 0; id < types.count; id++) onlyBtfError(() => types.sizeOf(id));
        }),
      ),
      RUNS,
    );
  });

  it("in an object file give nothing but BtfError, in the generator too", () => {
    fc.assert(
      fc.property(damaged(file), (bytes) => onlyBtfError(() => generate(bytes, everyStruct))),
      RUNS,
    );
  });

  it("in its type section give nothing but BtfError, in the generator too", () => {
    const start = file.indexOf(section);
    assert.ok(start > 0);
    fc.assert(
      fc.property(fc.oneof(damaged(section), rewired(section)), (bytes) => {
        const whole = Buffer.from(file);
        bytes.copy(whole, start);
        onlyBtfError(() => generate(whole, everyStruct));
      }),
      RUNS,
    );
  });

  it("that are anything at all give nothing but BtfError", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 400 }), (bytes) => {
        onlyBtfError(() => parseBtf(Buffer.from(bytes)));
        onlyBtfError(() => elfSection(Buffer.from(bytes), ".BTF"));
      }),
      RUNS,
    );
  });

  it("are told apart where people can make the mistake", () => {
    const bigEndian = Buffer.from(section.subarray(0, 24)).swap16();
    assert.throws(() => parseBtf(bigEndian), /big-endian/);
    assert.throws(() => parseBtf(Buffer.alloc(10)), /10 bytes are too few/);
    assert.throws(() => elfSection(Buffer.from("no ELF file at all".repeat(10)), ".BTF"), /this is no ELF file/);
    assert.equal(elfSection(file, ".nothing"), undefined);
  });
});
