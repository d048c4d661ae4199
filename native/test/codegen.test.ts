/** The generator's command, and the code that it made of maps.bpf.o (generated/maps.gen.ts). */
import assert from "node:assert/strict";
import { spawnSync } from "node:child_process";
import { mkdtempSync, readFileSync, rmSync, writeFileSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, describe, it } from "node:test";
import * as fc from "fast-check";
import { BpfObject } from "../src/index.js";
import { Everything, layouts, maps, Record as RingRecord, SessionKey, TrieKey, Verdict } from "./generated/maps.gen.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { FRAME, loadMaps, objectPath, PACKAGE } from "./helpers/objects.js";

failOnLeaks();

const folder = mkdtempSync(join(tmpdir(), "libbpf-ts-"));
after(() => rmSync(folder, { recursive: true }));

const COMMITTED = join(PACKAGE, "test/generated/maps.gen.ts");
const OPTIONS = ["--struct", "record", "--enum", "verdict"];

function codegen(...args: string[]): { status: number | null; stderr: string; stdout: string } {
  return spawnSync(process.execPath, [join(PACKAGE, "dist/src/codegen/main.js"), ...args], { encoding: "utf8" });
}

const written: Everything = {
  byte: 0xab,
  small: -2,
  word: 0xdeadbeef,
  wide: -3n,
  wider: 0x0102030405060708n,
  flag: true,
  port: 30030,
  network_wide: 0x1122334455667788n,
  verdict: Verdict.VERDICT_LATER,
  one: { kind: 1, length: 100 },
  two: [
    { kind: 0, length: 0 },
    { kind: 2, length: 200 },
  ],
  mac: Buffer.from([2, 0, 0, 0, 0, 5]),
  name: "eth0",
  prefix: [0x20010db8, 0, 0, 0],
  counters: [0n, 0n, 9n],
  v6: Buffer.from("20000000000000000000000000000001", "hex"),
  number: 77,
  pair: { x: 3, y: 4 },
  grid: [
    [0, 0, 0],
    [0, 0, 12],
  ],
};

describe("generated code", () => {
  it("reads what an eBPF program wrote, and writes the same bytes", () => {
    using object = loadMaps();
    object.program("write_everything").testRun({ data: FRAME });
    const [entry] = object.map("sessions").lookupBatch();
    assert.ok(entry);
    const [key, value] = entry;
    assert.deepEqual(SessionKey.decode(key), { zone: 1, address: 0xc0000201 });
    assert.deepEqual(Everything.decode(value), written);
    assert.deepEqual(Everything.encode(written), value);
    assert.deepEqual(object.map("sessions").lookup(SessionKey.encode({ zone: 1, address: 0xc0000201 })), value);
  });

  it("fits the loaded object, and tells where it does not", () => {
    using spec = BpfObject.open(objectPath("maps"));
    for (const layout of layouts) spec.btf().assertLayout(layout);
    assert.throws(() => spec.btf().assertLayout({ ...Everything, size: 152 }), /160 bytes instead of 152/);
  });

  it("knows the maps", () => {
    using spec = BpfObject.open(objectPath("maps"));
    for (const map of Object.values(maps)) {
      const { name, type, keySize, valueSize, maxEntries } = map;
      const found = spec.maps.find((candidate) => candidate.name === name);
      assert.deepEqual(found, { name, type, keySize, valueSize, maxEntries });
    }
    assert.equal(maps.sessions.value, Everything);
  });

  it("gives back every value", () => {
    fc.assert(
      fc.property(anyEverything(), (value) => {
        assert.deepEqual(Everything.decode(Everything.encode(value)), value);
      }),
    );
  });

  it("keeps every byte that is not padding", () => {
    fc.assert(
      fc.property(fc.uint8Array({ minLength: 8, maxLength: 8 }), (array) => {
        const key = Buffer.from(array);
        assert.deepEqual(SessionKey.encode(SessionKey.decode(key)), key);
        assert.deepEqual(TrieKey.encode(TrieKey.decode(key)), key);
      }),
    );
  });

  it("writes at an offset, and zeros over padding", () => {
    const buffer = Buffer.alloc(40, 0xff);
    RingRecord.encode({ sequence: 1n, length: 2 }, buffer, 8);
    assert.equal(buffer.toString("hex", 8, 24), "01000000000000000200000000000000");
    assert.equal(buffer.readUInt8(7), 0xff);
    assert.equal(buffer.readUInt8(24), 0xff);
    assert.deepEqual(RingRecord.decode(buffer, 8), { sequence: 1n, length: 2 });
  });

  it("refuses what does not fit", () => {
    assert.throws(() => SessionKey.decode(Buffer.alloc(7)), /session_key: 8 bytes at 0 do not fit a buffer of 7/);
    assert.throws(() => SessionKey.encode({ zone: 1, address: 1 }, Buffer.alloc(8), 1), RangeError);
    assert.throws(() => SessionKey.encode({ zone: -1, address: 1 }), RangeError);
    assert.throws(() => SessionKey.encode({ zone: 2 ** 32, address: 1 }), RangeError);
    assert.throws(() => Everything.encode({ ...written, mac: Buffer.alloc(5) }), /Everything.mac: 5 bytes given, 6/);
    assert.throws(
      () => Everything.encode({ ...written, name: "x".repeat(17) }),
      /Everything.name: a text of at most 16/,
    );
    assert.throws(() => Everything.encode({ ...written, counters: [1n] }), /Everything.counters: 1 elements given, 3/);
    assert.throws(() => Everything.encode({ ...written, grid: [[1], [2]] }), /Everything.grid: 1 elements given, 3/);
  });
});

describe("the generator", () => {
  it("gives what is committed", () => {
    const { status, stderr } = codegen(objectPath("maps"), "--out", COMMITTED, ...OPTIONS, "--check");
    assert.equal(stderr, "");
    assert.equal(status, 0);
  });

  it("writes the file, the same each time", () => {
    const out = join(folder, "maps.gen.ts");
    assert.deepEqual(codegen(objectPath("maps"), "--out", out, ...OPTIONS).status, 0);
    assert.equal(readFileSync(out, "utf8"), readFileSync(COMMITTED, "utf8"));
  });

  it("exits with 1 where the file differs or is not there, and leaves it", () => {
    const out = join(folder, "stale.gen.ts");
    const missing = codegen(objectPath("maps"), "--out", out, "--check");
    assert.equal(missing.status, 1);
    assert.match(missing.stderr, /^libbpf-ts-codegen: ENOENT.*stale\.gen\.ts/);
    writeFileSync(out, "// stale\n");
    const stale = codegen(objectPath("maps"), "--out", out, "--check");
    assert.equal(stale.status, 1);
    assert.match(stale.stderr, /stale\.gen\.ts is not what the object file gives: generate it again/);
    assert.equal(readFileSync(out, "utf8"), "// stale\n");
  });

  it("takes only the maps asked for", () => {
    const out = join(folder, "few.gen.ts");
    assert.equal(codegen(objectPath("maps"), "--out", out, "--map", "prefixes").status, 0);
    const text = readFileSync(out, "utf8");
    assert.match(text, /interface TrieKey/);
    assert.doesNotMatch(text, /Everything|SessionKey|putString/);
  });

  it("refuses a bit field with a reason, and names that are not there", () => {
    const out = join(folder, "none.gen.ts");
    const refused = [
      [["--struct", "bits"], /"flag" of "bits" is a bit field: use a whole integer and masks instead/],
      [["--struct", "session"], /there is no structure "session"/],
      [["--enum", "session_key"], /there is no enumeration "session_key"/],
      [["--map", "session"], /there is no map "session"/],
    ] as const;
    for (const [args, message] of refused) {
      const { status, stderr } = codegen(objectPath("maps"), "--out", out, ...args);
      assert.equal(status, 1, stderr);
      assert.match(stderr, message);
      assert.equal(stderr.trim().split("\n").length, 1, "one sentence");
    }
  });

  it("exits with 2 on wrong usage and says how to use it", () => {
    for (const args of [[], ["a.o"], ["a.o", "b.o", "--out", "x"], ["a.o", "--outt", "x"]]) {
      const { status, stderr } = codegen(...args);
      assert.equal(status, 2, args.join(" "));
      assert.match(stderr, /Usage: libbpf-ts-codegen/);
    }
    const help = codegen("--help");
    assert.equal(help.status, 0);
    assert.match(help.stdout, /^Usage: libbpf-ts-codegen/);
  });

  it("names the file that is no object file", () => {
    const { status, stderr } = codegen(join(PACKAGE, "package.json"), "--out", join(folder, "x.ts"));
    assert.equal(status, 1);
    assert.match(stderr, /package\.json: this is no ELF file/);
  });
});

function times<T>(value: fc.Arbitrary<T>, length: number): fc.Arbitrary<T[]> {
  return fc.array(value, { minLength: length, maxLength: length });
}

function bytes(length: number): fc.Arbitrary<Buffer> {
  return fc.uint8Array({ minLength: length, maxLength: length }).map((array) => Buffer.from(array));
}

function anyEverything(): fc.Arbitrary<Everything> {
  const u8 = fc.integer({ min: 0, max: 0xff });
  const u16 = fc.integer({ min: 0, max: 0xffff });
  const u32 = fc.integer({ min: 0, max: 0xffff_ffff });
  const u64 = fc.bigInt({ min: 0n, max: 2n ** 64n - 1n });
  const inner = fc.record({ kind: u8, length: u16 }, { noNullPrototype: true });
  return fc.record(
    {
      byte: u8,
      small: fc.integer({ min: -0x8000, max: 0x7fff }),
      word: u32,
      wide: fc.bigInt({ min: -(2n ** 63n), max: 2n ** 63n - 1n }),
      wider: u64,
      flag: fc.boolean(),
      port: u16,
      network_wide: u64,
      verdict: u32,
      one: inner,
      two: times(inner, 2),
      mac: bytes(6),
      name: fc.stringMatching(/^[ -~]{0,16}$/),
      prefix: times(u32, 4),
      counters: times(u64, 3),
      v6: bytes(16),
      number: u32,
      pair: fc.record({ x: u8, y: u32 }, { noNullPrototype: true }),
      grid: times(times(u16, 3), 2),
    },
    { noNullPrototype: true },
  );
}
