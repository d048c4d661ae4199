import assert from "node:assert/strict";
import { isIP } from "node:net";
import { describe, test } from "node:test";
import fc from "fast-check";
import ipaddr from "ipaddr.js";
import {
  formatAddress,
  formatPrefix,
  isLoopback,
  maskBytes,
  parseAddress,
  parsePrefix,
} from "../../../src/net/addresses.js";

const ADDRESSES = fc.oneof(fc.ipV4(), fc.ipV6());

/** ipaddr.js takes an IPv4 tail behind zeros for a mapped address (::ffff:0:0/96): it gets the tail in hexadecimal. */
function oracleBytes(text: string): number[] {
  const tail = /[\d.]+\.[\d.]+$/.exec(text)?.[0];
  if (!text.includes(":") || tail === undefined) return ipaddr.parse(text).toByteArray();
  const [a = 0, b = 0, c = 0, d = 0] = tail.split(".").map(Number);
  const groups = `${((a << 8) | b).toString(16)}:${((c << 8) | d).toString(16)}`;
  return ipaddr.parse(text.slice(0, -tail.length) + groups).toByteArray();
}

/** As the URL standard writes a host. */
function oracleText(text: string): string {
  return text.includes(":") ? new URL(`http://[${text}]/`).hostname.slice(1, -1) : text;
}

function problem(text: string): string {
  const prefix = parsePrefix(text);
  assert.ok("problem" in prefix, `${text} was taken`);
  return prefix.problem;
}

describe("parseAddress", () => {
  test("reads what ipaddr.js reads, to the same bytes", () => {
    fc.assert(
      fc.property(ADDRESSES, (text) => {
        const parsed = parseAddress(text);
        assert.ok(parsed);
        assert.deepEqual([...parsed.bytes], oracleBytes(text));
        assert.equal(parsed.family, isIP(text));
      }),
      { numRuns: 2000 },
    );
  });

  test("reads every way to write zeros", () => {
    for (const text of [
      "::",
      "::1",
      "1::",
      "1::1",
      "1:2::7:8",
      "::ffff:192.0.2.1",
      "64:ff9b::192.0.2.33",
      "1:2:3:4:5:6:192.0.2.1",
    ]) {
      const parsed = parseAddress(text);
      assert.ok(parsed, text);
      assert.deepEqual([...parsed.bytes], oracleBytes(text), text);
    }
  });

  test("reads what it has written, and writes what ipaddr.js writes", () => {
    fc.assert(
      fc.property(ADDRESSES, (text) => {
        const parsed = parseAddress(text);
        assert.ok(parsed);
        const written = formatAddress(parsed);
        assert.deepEqual(parseAddress(written), parsed);
        assert.equal(written, oracleText(text));
      }),
      { numRuns: 2000 },
    );
  });

  for (const text of [
    "",
    "10.1",
    "010.0.0.1",
    "1.2.3.4.5",
    "256.0.0.1",
    "0x7f.1",
    "fe80::1%eth0",
    "1::2::3",
    ":1",
    "example.net",
    "1.2.3.4 ",
  ])
    test(`does not take "${text}"`, () => assert.equal(parseAddress(text), undefined));

  test("throws on no text", () => {
    fc.assert(
      fc.property(fc.string({ unit: fc.constantFrom(..."0123456789abcdefABCDEF:.%/ x".split("")) }), (text) => {
        assert.equal(parseAddress(text) !== undefined, isIP(text) !== 0 && !text.includes("%"));
      }),
      { numRuns: 5000 },
    );
  });
});

describe("parsePrefix", () => {
  test("reads a prefix as ipaddr.js does", () => {
    fc.assert(
      fc.property(ADDRESSES, fc.nat(128), (text, bits) => {
        const address = parseAddress(text);
        assert.ok(address);
        const length = Math.min(bits, address.bytes.length * 8);
        const network = maskBytes(address.bytes, length);
        const written = `${formatAddress({ ...address, bytes: network })}/${length}`;
        const prefix = parsePrefix(written);
        assert.ok(!("problem" in prefix), written);
        assert.equal(formatPrefix(prefix), written);
        const [oracle, oracleLength] = ipaddr.parseCIDR(written);
        assert.deepEqual([[...prefix.bytes], prefix.length], [oracle.toByteArray(), oracleLength]);
        const host = ipaddr.fromByteArray(oracleBytes(text));
        assert.ok(host.match([oracle, oracleLength] as never), "holds the address it was made of");
      }),
      { numRuns: 2000 },
    );
  });

  test("an address alone is the one host", () => {
    assert.deepEqual(parsePrefix("192.0.2.1"), { family: 4, bytes: Buffer.from([192, 0, 2, 1]), length: 32 });
  });

  test("refuses host bits, in any place", () => {
    fc.assert(
      fc.property(ADDRESSES, fc.nat(127), fc.nat(1000), (text, bits, choice) => {
        const address = parseAddress(text);
        assert.ok(address);
        const longest = address.bytes.length * 8;
        const length = bits % longest;
        const bytes = maskBytes(address.bytes, length);
        const bit = length + (choice % (longest - length));
        bytes[bit >> 3] = (bytes[bit >> 3] ?? 0) | (0x80 >> (bit & 7));
        assert.match(problem(`${formatAddress({ ...address, bytes })}/${length}`), /host bits/);
      }),
      { numRuns: 1000 },
    );
  });

  for (const [text, said] of [
    ["192.0.2.0/", /no prefix length/],
    ["192.0.2.0/x", /no prefix length/],
    ["192.0.2.0/-1", /no prefix length/],
    ["192.0.2.0/1e1", /no prefix length/],
    ["192.0.2.0/024", /no prefix length/],
    ["192.0.2.0/33", /over 32/],
    ["2001:db8::/129", /over 128/],
    ["192.0.2.0/24/24", /expected ADDRESS\/LENGTH/],
    ["192.0.2/24", /expected ADDRESS\/LENGTH/],
    ["/24", /expected ADDRESS\/LENGTH/],
  ] as const)
    test(`"${text}" is refused in one sentence`, () => assert.match(problem(text), said));
});

describe("isLoopback", () => {
  for (const [text, is] of [
    ["127.0.0.1", true],
    ["127.255.255.255", true],
    ["128.0.0.1", false],
    ["::1", true],
    ["::2", false],
    ["::", false],
    ["1::1", false],
  ] as const)
    test(`${text}: ${is}`, () => {
      const address = parseAddress(text);
      assert.ok(address);
      assert.equal(isLoopback(address), is);
    });
});
