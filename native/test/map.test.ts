import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { BpfBatchError, BpfError, BpfMap, BpfUsageError, possibleCpus } from "../src/index.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { loadMaps, u32, u64 } from "./helpers/objects.js";

failOnLeaks();

const object = loadMaps();
after(() => object.close());

function hashMap(maxEntries: number, flags = 0): BpfMap {
  return BpfMap.create({ name: "test", type: "hash", keySize: 4, valueSize: 8, maxEntries, flags });
}

function sorted(entries: Iterable<[Buffer, Buffer]>): [number, bigint][] {
  return [...entries]
    .map(([key, value]): [number, bigint] => [key.readUInt32LE(0), value.readBigUInt64LE(0)])
    .toSorted(([a], [b]) => a - b);
}

describe("a hash", () => {
  it("stores, replaces, finds and deletes", () => {
    using map = hashMap(4);
    assert.equal(map.lookup(u32(1)), undefined);
    map.update(u32(1), u64(10n));
    map.update(u32(1), u64(11n));
    assert.deepEqual(map.lookup(u32(1)), u64(11n));
    const out = Buffer.alloc(8);
    assert.equal(map.lookupInto(u32(1), out), true);
    assert.deepEqual(out, u64(11n));
    assert.equal(map.lookupInto(u32(2), out), false);
    assert.equal(map.delete(u32(1)), true);
    assert.equal(map.delete(u32(1)), false);
  });

  it("creates only, replaces only", () => {
    using map = hashMap(4);
    assert.throws(() => map.update(u32(1), u64(1n), "exist"), codeIs("ENOENT"));
    map.update(u32(1), u64(1n), "noexist");
    assert.throws(() => map.update(u32(1), u64(2n), "noexist"), codeIs("EEXIST"));
    map.update(u32(1), u64(3n), "exist");
    assert.deepEqual(map.lookup(u32(1)), u64(3n));
  });

  it("says that it is full and what to do", () => {
    using map = hashMap(2);
    map.update(u32(1), u64(1n));
    map.update(u32(2), u64(2n));
    assert.throws(
      () => map.update(u32(3), u64(3n)),
      (error) => error instanceof BpfError && error.code === "E2BIG" && /at most 2 entries: raise/.test(error.message),
    );
  });

  it("is walked, also while it is emptied", () => {
    using map = hashMap(100);
    for (let i = 0; i < 100; i++) map.update(u32(i), u64(BigInt(i)));
    assert.deepEqual(
      sorted(map.entries()),
      Array.from({ length: 100 }, (_, i) => [i, BigInt(i)]),
    );
    let deleted = 0;
    for (const key of map.keys()) if (map.delete(key)) deleted++;
    assert.equal(deleted, 100);
    assert.deepEqual([...map.keys()], []);
  });
});

describe("batches", () => {
  const COUNT = 5000;
  const keys = Buffer.concat(Array.from({ length: COUNT }, (_, i) => u32(i)));
  const values = Buffer.concat(Array.from({ length: COUNT }, (_, i) => u64(BigInt(i) * 3n)));
  const all = Array.from({ length: COUNT }, (_, i): [number, bigint] => [i, BigInt(i) * 3n]);

  it("write, read and delete a hash", () => {
    using map = hashMap(COUNT);
    assert.equal(map.updateBatch(keys, values, COUNT), COUNT);
    for (const batchSize of [1, 7, 1024, COUNT * 2]) assert.deepEqual(sorted(map.lookupBatch({ batchSize })), all);
    for (const gone of [0, 3, 4, COUNT - 1]) map.delete(u32(gone));
    assert.equal(map.deleteBatch(keys.subarray(0, 40), 10), 7, "keys that are not there are passed over");
    assert.equal([...map.lookupBatch()].length, COUNT - 11);
    assert.equal(map.deleteBatch(keys, COUNT), COUNT - 11);
    assert.deepEqual([...map.lookupBatch()], []);
  });

  it("give entries that stay what they were", () => {
    using map = hashMap(COUNT);
    map.updateBatch(keys, values, COUNT);
    const entries = [...map.lookupBatch({ batchSize: 16 })];
    map.deleteBatch(keys, COUNT);
    assert.deepEqual(sorted(entries), all);
  });

  it("give blocks, which can be written again", () => {
    using map = hashMap(COUNT);
    using copy = hashMap(COUNT);
    map.updateBatch(keys, values, COUNT);
    let blocks = 0;
    for (const block of map.lookupBlocks({ batchSize: 500 })) {
      copy.updateBatch(block.keys, block.values, block.count);
      blocks++;
    }
    assert.ok(blocks >= 10, String(blocks));
    assert.deepEqual(sorted(copy.lookupBatch()), all);
  });

  it("say how far they came where the map is full", () => {
    using map = hashMap(10);
    assert.throws(
      () => map.updateBatch(keys, values, COUNT),
      (error) => error instanceof BpfBatchError && error.code === "E2BIG" && error.processed === 10,
    );
    assert.equal([...map.keys()].length, 10);
  });

  it("keep to the mode", () => {
    using map = hashMap(COUNT);
    map.update(u32(2), u64(7n));
    assert.throws(
      () => map.updateBatch(keys.subarray(0, 16), values.subarray(0, 32), 4, "noexist"),
      (error) => error instanceof BpfBatchError && error.code === "EEXIST" && error.processed === 2,
    );
    assert.deepEqual(map.lookup(u32(2)), u64(7n));
  });

  it("work on arrays, LPM tries and per-CPU maps", () => {
    const cpus = possibleCpus();
    const numbers = object.map("numbers");
    numbers.updateBatch(keys.subarray(0, 16), values.subarray(0, 32), 4);
    assert.deepEqual(sorted(numbers.lookupBatch({ batchSize: 3 })), all.slice(0, 4));

    for (const name of ["cpu_numbers", "cpu_records"]) {
      const map = object.map(name);
      const parts = Array.from({ length: cpus }, (_, cpu) => Buffer.alloc(map.valueSize, cpu + 1));
      const element = map.joinPerCpu(parts);
      map.updateBatch(Buffer.concat([u32(0), u32(1)]), Buffer.concat([element, element]), 2);
      const read = [...map.lookupBatch()].filter(([key]) => key.readUInt32LE(0) < 2);
      assert.equal(read.length, 2);
      for (const [, value] of read) assert.deepEqual(map.splitPerCpu(value), parts);
      assert.deepEqual(map.lookupPerCpu(u32(1)), parts);
    }

    const prefixes = object.map("prefixes");
    const trieKeys = Buffer.concat([
      Buffer.from([24, 0, 0, 0, 192, 0, 2, 0]),
      Buffer.from([32, 0, 0, 0, 192, 0, 2, 7]),
    ]);
    prefixes.updateBatch(trieKeys, Buffer.concat([u32(1), u32(2)]), 2);
    assert.equal([...prefixes.lookupBatch({ batchSize: 1 })].length, 2);
    assert.equal(prefixes.deleteBatch(trieKeys, 2), 2);
  });

  it("fall back to single calls on a map that has none", () => {
    using source = BpfMap.create({ name: "devices", type: "devmap_hash", keySize: 4, valueSize: 4, maxEntries: 8 });
    // Interface 1 is lo in every namespace.
    assert.equal(source.updateBatch(keys.subarray(0, 12), Buffer.concat([u32(1), u32(1), u32(1)]), 3), 3);
    assert.equal([...source.lookupBatch()].length, 3);
    assert.equal(source.deleteBatch(keys.subarray(0, 16), 4), 3);
  });

  it("grow where a bucket does not fit", () => {
    using map = BpfMap.create({ name: "crowded", type: "hash", keySize: 4, valueSize: 8, maxEntries: COUNT });
    map.updateBatch(keys, values, COUNT);
    assert.deepEqual(sorted(map.lookupBatch({ batchSize: 1 })), all);
  });

  it("refuse lengths that do not fit", () => {
    using map = hashMap(10);
    assert.throws(() => map.updateBatch(keys, values, COUNT - 1), /4999 keys of map "test": 20000 bytes given, 19996/);
    assert.throws(() => map.updateBatch(u32(1), u32(1), 1), /1 values of map "test": 4 bytes given, 8 expected/);
    assert.throws(() => map.deleteBatch(u32(1), 2), BpfUsageError);
    assert.throws(() => [...map.lookupBatch({ batchSize: 0 })], BpfUsageError);
    assert.equal(map.updateBatch(Buffer.alloc(0), Buffer.alloc(0), 0), 0);
  });
});

describe("other kinds of maps", () => {
  it("an array has all its elements from the start and deletes none", () => {
    using map = BpfMap.create({ name: "array", type: "array", keySize: 4, valueSize: 8, maxEntries: 3 });
    assert.deepEqual(sorted(map.entries()), [
      [0, 0n],
      [1, 0n],
      [2, 0n],
    ]);
    assert.throws(() => map.delete(u32(0)), codeIs("EINVAL"));
    assert.throws(() => map.update(u32(3), u64(1n)), codeIs("E2BIG"));
    assert.equal(map.lookup(u32(3)), undefined);
  });

  it("a per-CPU map has one value a CPU", () => {
    const map = object.map("cpu_records");
    const values = Array.from({ length: possibleCpus() }, (_, cpu) => Buffer.alloc(16, cpu + 1));
    map.updatePerCpu(u32(9), values);
    assert.deepEqual(map.lookupPerCpu(u32(9)), values);
    assert.equal(map.lookupPerCpu(u32(10)), undefined);
    assert.throws(() => map.lookup(u32(9)), /has a value for each CPU: use lookupPerCpu/);
    assert.throws(() => map.update(u32(9), Buffer.alloc(16)), /use updatePerCpu/);
    assert.throws(() => map.updatePerCpu(u32(9), values.slice(1)), /per-CPU values given/);
    assert.throws(() => object.map("numbers").lookupPerCpu(u32(0)), /has one value for all CPUs: use lookup/);
  });

  it("an LPM trie finds the longest prefix", () => {
    const map = object.map("prefixes");
    map.update(Buffer.from([24, 0, 0, 0, 192, 0, 2, 0]), u32(24));
    map.update(Buffer.from([32, 0, 0, 0, 192, 0, 2, 7]), u32(32));
    assert.deepEqual(map.lookup(Buffer.from([32, 0, 0, 0, 192, 0, 2, 7])), u32(32));
    assert.deepEqual(map.lookup(Buffer.from([32, 0, 0, 0, 192, 0, 2, 8])), u32(24));
    assert.equal(map.lookup(Buffer.from([32, 0, 0, 0, 198, 51, 100, 8])), undefined);
  });

  it("a program array takes a program's descriptor and gives its id", () => {
    const map = object.map("jumps");
    const program = object.program("count");
    map.update(u32(0), u32(program.fd));
    assert.deepEqual(map.lookup(u32(0)), u32(program.id));
    assert.equal(map.delete(u32(0)), true);
  });

  it("is opened by its id", () => {
    using map = BpfMap.openById(object.map("sessions").id);
    assert.equal(map.type, "hash");
    assert.equal(map.name, "sessions");
    assert.throws(() => BpfMap.openById(0xfffffff0), codeIs("ENOENT"));
  });

  it("cannot be made with impossible sizes", () => {
    const definition = { name: "bad", type: "hash", keySize: 0, valueSize: 8, maxEntries: 1 } as const;
    assert.throws(() => BpfMap.create(definition), /create map "bad" of type hash: invalid argument \(EINVAL\)/);
    assert.throws(() => BpfMap.create({ ...definition, keySize: -1 }), BpfUsageError);
    assert.throws(() => BpfMap.create({ ...definition, type: "tree" as "hash" }), /type "tree" is not known/);
  });
});

describe("buffers", () => {
  it("of a wrong length never reach the kernel", () => {
    using map = hashMap(4);
    assert.throws(() => map.lookup(Buffer.alloc(3)), /key of map "test": 3 bytes given, 4 expected/);
    assert.throws(() => map.lookupInto(u32(1), Buffer.alloc(7)), /value of map "test": 7 bytes given, 8 expected/);
    assert.throws(() => map.update(u32(1), u32(1)), BpfUsageError);
    assert.throws(() => map.delete(Buffer.alloc(5)), BpfUsageError);
  });

  it("that are none never reach the kernel", () => {
    using map = hashMap(4);
    for (const bad of [undefined, null, "abcd", 5, new Uint8Array(4)] as unknown[] as Buffer[]) {
      assert.throws(() => map.lookup(bad), /a Buffer of 4 bytes is expected/);
    }
  });

  it("may lie anywhere in a larger one", () => {
    using map = hashMap(4);
    const large = Buffer.alloc(64, 0xee);
    u32(5).copy(large, 3);
    u64(77n).copy(large, 21);
    map.update(large.subarray(3, 7), large.subarray(21, 29));
    assert.deepEqual(map.lookup(u32(5)), u64(77n));
    assert.equal(map.lookupInto(u32(5), large.subarray(40, 48)), true);
    assert.deepEqual(large.subarray(38, 50), Buffer.concat([Buffer.alloc(2, 0xee), u64(77n), Buffer.alloc(2, 0xee)]));
  });
});

function codeIs(code: string): (error: unknown) => boolean {
  return (error) => error instanceof BpfError && error.code === code;
}
