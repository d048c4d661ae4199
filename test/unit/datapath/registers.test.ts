import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BpfMap } from "libbpf-ts";
import { DatapathError } from "../../../src/datapath/port.js";
import { indexKey, SharedRows } from "../../../src/datapath/registers.js";
import { FakeMap } from "./fake-map.js";

function rows(capacity: number, firstSlot = 0): { map: FakeMap; rows: SharedRows } {
  const map = new FakeMap(capacity);
  return { map, rows: new SharedRows(map as unknown as BpfMap, "things", "field", undefined, firstSlot) };
}

const bytes = (value: number): Buffer => Buffer.from([value]);

describe("shared rows", () => {
  test("the same bytes are one row, until nobody uses it", () => {
    const { map, rows: table } = rows(4);
    assert.deepEqual([table.take(bytes(1)), table.take(bytes(1)), table.take(bytes(2))], [0, 0, 1]);
    assert.equal(table.used, 2);
    assert.deepEqual(map.lookup(indexKey(1)), bytes(2));
    table.release(0);
    assert.equal(table.used, 2);
    table.release(0);
    assert.equal(table.used, 1);
    assert.equal(table.take(bytes(1)), 2);
  });

  test("row 0 stays empty where it means none", () => {
    assert.equal(rows(4, 1).rows.take(bytes(1)), 1);
  });

  test("a full table says so, and what is there goes on being shared", () => {
    const { rows: table } = rows(1);
    table.take(bytes(1));
    assert.throws(
      () => table.take(bytes(2)),
      (error) => error instanceof DatapathError && error.code === "table-full" && error.field === "field",
    );
    assert.equal(table.take(bytes(1)), 0);
  });

  test("a row that the kernel refuses is not used up", () => {
    const { map, rows: table } = rows(1);
    map.updatesLeft = 0;
    assert.throws(() => table.take(bytes(1)));
    assert.equal(table.used, 0);
    assert.equal(table.take(bytes(1)), 0);
  });

  test("releasing what is not there changes nothing", () => {
    const { rows: table } = rows(2);
    table.release(1);
    assert.equal(table.used, 0);
  });

  test("rows of an earlier run are found by their bytes and counted by their uses", () => {
    const { map, rows: table } = rows(4);
    map.update(indexKey(0), bytes(7));
    map.update(indexKey(2), bytes(8));
    table.adopt([0, 2, 0]);
    assert.equal(table.used, 2);
    assert.equal(table.take(bytes(8)), 2);
    table.release(0);
    assert.equal(table.used, 2);
    table.release(0);
    assert.equal(table.used, 1);
  });
});
