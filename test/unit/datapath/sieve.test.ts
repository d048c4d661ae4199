import assert from "node:assert/strict";
import { describe, test } from "node:test";
import fc from "fast-check";
import { keyBytes, matchKey } from "../../../src/datapath/matches.js";
import { hashHostKey, Sieve, sieveWords } from "../../../src/datapath/sieve.js";

/** As the kernel keeps it: words by index. */
class Words {
  readonly words = new Map<number, bigint>();
  update(index: number, low: number, high: number): void {
    this.words.set(index, (BigInt(high) << 32n) | BigInt(low));
  }
}

function host(number: number): Buffer {
  const prefix =
    number % 2 === 0 ? `100.64.${(number >> 8) & 255}.${number & 255}/32` : `2001:db8:${number.toString(16)}::/64`;
  const kind = number % 2 === 0 ? ("ipv4" as const) : ("ipv6" as const);
  return keyBytes(matchKey({ kind, prefix }, { zone: number % 3, ifindexOf: () => undefined }, "matches[0]"));
}

describe("the sieve", () => {
  test("has nothing left when every key is gone, whatever the order", () => {
    fc.assert(
      fc.property(fc.array(fc.nat(300), { maxLength: 80 }), fc.nat(1000), (numbers, order) => {
        const kernel = new Words();
        const sieve = new Sieve(4, kernel);
        for (const number of numbers) sieve.add(host(number));
        const left = [...numbers].toSorted((a, b) => ((a * 7919 + order) % 101) - ((b * 7919 + order) % 101));
        for (const number of left) sieve.remove(host(number));
        assert.ok([...kernel.words.values()].every((word) => word === 0n));
      }),
    );
  });

  test("a key's bits stay while it is there", () => {
    fc.assert(
      fc.property(fc.uniqueArray(fc.nat(300), { minLength: 1, maxLength: 60 }), fc.nat(59), (numbers, which) => {
        const [whole, rest] = [new Words(), new Words()];
        const [all, without] = [new Sieve(4, whole), new Sieve(4, rest)];
        const gone = numbers[which % numbers.length] as number;
        for (const number of numbers) all.add(host(number));
        all.remove(host(gone));
        for (const number of numbers) if (number !== gone) without.add(host(number));
        for (let index = 0; index < 4; index++)
          assert.equal(whole.words.get(index) ?? 0n, rest.words.get(index) ?? 0n, `word ${index}`);
      }),
    );
  });

  test("bits that hundreds of keys share stay for good, rather than go too early", () => {
    const kernel = new Words();
    const sieve = new Sieve(1, kernel);
    for (let round = 0; round < 300; round++) sieve.add(host(2));
    for (let round = 0; round < 299; round++) sieve.remove(host(2));
    assert.notEqual(kernel.words.get(0), 0n);
  });

  test("words are a power of two, enough for the keys", () => {
    for (const keys of [1, 4, 5, 1000, 300_000]) {
      const words = sieveWords(keys);
      assert.equal(Math.log2(words) % 1, 0);
      assert.ok(words * 64 >= keys * 8);
    }
  });

  test("hashes of neighbours are far apart", () => {
    const hashes = new Set(Array.from({ length: 1000 }, (_, number) => hashHostKey(host(number * 2)) & 0xffff));
    assert.ok(hashes.size > 970, `${hashes.size} of 1000 differ in 16 bits`);
  });
});
