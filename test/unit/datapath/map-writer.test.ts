import assert from "node:assert/strict";
import { describe, test } from "node:test";
import type { BpfMap } from "libbpf-ts";
import { MapWriter } from "../../../src/datapath/map-writer.js";

/** Tells what it was asked, in order. */
class Recorder {
  readonly maxEntries = 10;
  readonly keySize = 1;
  readonly valueSize = 1;
  fail = false;

  constructor(
    readonly name: string,
    private readonly log: string[],
  ) {}

  lookup(key: Buffer): Buffer | undefined {
    this.log.push(`${this.name} lookup ${key}`);
    return undefined;
  }

  update(key: Buffer, value: Buffer): void {
    this.log.push(`${this.name} ${key}=${value}`);
  }

  updateBatch(keys: Buffer, values: Buffer, count: number): number {
    this.log.push(`${this.name} batch of ${count}: ${keys}=${values}`);
    if (this.fail) throw new Error("refused");
    return count;
  }

  delete(key: Buffer): boolean {
    this.log.push(`${this.name} delete ${key}`);
    return true;
  }
}

function fixture() {
  const log: string[] = [];
  const writer = new MapWriter();
  const recorder = (name: string) => {
    const map = new Recorder(name, log);
    return { map, wrapped: writer.wrap(map as unknown as BpfMap) };
  };
  return { log, writer, a: recorder("a"), b: recorder("b") };
}

const text = (value: string): Buffer => Buffer.from(value);

describe("map writer", () => {
  test("writes at once where no batch is open", () => {
    const { log, a } = fixture();
    a.wrapped.update(text("k"), text("v"));
    assert.deepEqual(log, ["a k=v"]);
  });

  test("writes a batch at its end, each map with one call, in the order of first use", () => {
    const { log, writer, a, b } = fixture();
    const result = writer.batch(() => {
      b.wrapped.update(text("1"), text("x"));
      a.wrapped.update(text("2"), text("y"));
      b.wrapped.update(text("3"), text("z"));
      assert.deepEqual(log, []);
      return 42;
    });
    assert.equal(result, 42);
    assert.deepEqual(log, ["b batch of 2: 13=xz", "a batch of 1: 2=y"]);
  });

  test("a look-up or a deletion sees what waits", () => {
    const { log, writer, a } = fixture();
    writer.batch(() => {
      a.wrapped.update(text("1"), text("x"));
      a.wrapped.lookup(text("1"));
      a.wrapped.update(text("2"), text("y"));
      a.wrapped.delete(text("1"));
    });
    assert.deepEqual(log, ["a batch of 1: 1=x", "a lookup 1", "a batch of 1: 2=y", "a delete 1"]);
  });

  test("what waits is written also where the work throws", () => {
    const { log, writer, a } = fixture();
    assert.throws(() =>
      writer.batch(() => {
        a.wrapped.update(text("1"), text("x"));
        throw new Error("stop");
      }),
    );
    assert.deepEqual(log, ["a batch of 1: 1=x"]);
    a.wrapped.update(text("2"), text("y"));
    assert.equal(log.at(-1), "a 2=y");
  });

  test("what the kernel refused is not written later, over what came after it", () => {
    const { log, writer, a } = fixture();
    a.map.fail = true;
    assert.throws(() => writer.batch(() => a.wrapped.update(text("1"), text("o"))), /refused/);
    a.map.fail = false;
    a.wrapped.update(text("1"), text("n"));
    a.wrapped.lookup(text("1"));
    assert.deepEqual(log.slice(1), ["a 1=n", "a lookup 1"]);
  });

  test("takes as much as comes, and a copy of it", () => {
    const { log, writer, a } = fixture();
    const [key, value] = [text("?"), text("?")];
    const letters = Array.from({ length: 1000 }, (_, index) => String.fromCharCode(0x61 + (index % 26)));
    for (let round = 0; round < 2; round++) {
      writer.batch(() => {
        for (const letter of letters) {
          key.write(letter);
          value.write(letter.toUpperCase());
          a.wrapped.update(key, value);
        }
      });
    }
    const all = letters.join("");
    const expected = `a batch of 1000: ${all}=${all.toUpperCase()}`;
    assert.deepEqual(log, [expected, expected]);
  });
});
