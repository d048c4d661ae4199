import assert from "node:assert/strict";
import { test } from "node:test";
import * as fc from "fast-check";
import { formatAddress, formatPrefix, isLoopback, parseAddress, parsePrefix } from "../../../src/net/addresses.js";

/** Texts of RFC 5952 section 4 and others: as given, as formatted. */
const TEXTS: readonly [string, string][] = [
  ["192.0.2.1", "192.0.2.1"],
  ["2001:0db8::0001", "2001:db8::1"],
  ["2001:db8:0:0:0:0:2:1", "2001:db8::2:1"],
  ["2001:db8:0:1:1:1:1:1", "2001:db8:0:1:1:1:1:1"],
  ["2001:0:0:1:0:0:0:1", "2001:0:0:1::1"],
  ["2001:db8:0:0:1:0:0:1", "2001:db8::1:0:0:1"],
  ["2001:DB8::A", "2001:db8::a"],
  ["::", "::"],
  ["::1", "::1"],
  ["1::", "1::"],
  ["::ffff:192.0.2.1", "::ffff:c000:201"],
];

for (const [given, formatted] of TEXTS) {
  test(`${given} is written ${formatted}`, () => {
    const address = parseAddress(given);
    assert.ok(address);
    assert.equal(formatAddress(address), formatted);
  });
}

test("what is formatted is read back, and formatted the same again", () => {
  fc.assert(
    fc.property(fc.oneof(fc.ipV4(), fc.ipV6()), (text) => {
      const address = parseAddress(text);
      assert.ok(address);
      const again = parseAddress(formatAddress(address));
      assert.deepEqual(again, address);
    }),
  );
});

test("a prefix is written with its length", () => {
  const prefix = parsePrefix("2001:DB8:1:0::/64");
  assert.ok(!("problem" in prefix));
  if (!("problem" in prefix)) assert.equal(formatPrefix(prefix), "2001:db8:1::/64");
});

test("loopback is 127.0.0.0/8 and ::1", () => {
  const loopback = (text: string) => isLoopback(parseAddress(text) ?? assert.fail(text));
  assert.deepEqual(["127.0.0.1", "127.255.0.1", "::1"].map(loopback), [true, true, true]);
  assert.deepEqual(["128.0.0.1", "192.0.2.1", "::", "::2", "1::1"].map(loopback), [false, false, false, false, false]);
});

test("bytes are those that the URL parser, another implementation, finds", () => {
  fc.assert(
    fc.property(
      fc.oneof(
        fc.ipV6(),
        fc.constantFrom("::", "::1", "1::", "::192.0.2.1", "1::192.0.2.1", "1:2:3:4:5:6:7::", "::2:3:4:5:6:7:8"),
      ),
      (text) => {
        const address = parseAddress(text);
        assert.ok(address);
        const canonical = new URL(`http://[${text}]/`).hostname.slice(1, -1);
        assert.equal(formatAddress(address), canonical);
      },
    ),
    { numRuns: 2000 },
  );
});

test("host bits are found at every length", () => {
  fc.assert(
    fc.property(fc.uint8Array({ minLength: 16, maxLength: 16 }), fc.nat(128), (bytes, length) => {
      const text = formatAddress({ family: 6, bytes: Buffer.from(bytes) });
      const clean = [...bytes].every((byte, index) => {
        const bits = byte.toString(2).padStart(8, "0");
        return !bits.slice(Math.min(8, Math.max(0, length - index * 8))).includes("1");
      });
      assert.equal(!("problem" in parsePrefix(`${text}/${length}`)), clean);
    }),
  );
});
