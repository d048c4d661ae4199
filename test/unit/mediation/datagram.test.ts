import assert from "node:assert/strict";
import { describe, it } from "node:test";
import * as fc from "fast-check";
import {
  HEADER_FORMATS,
  MALFORMED_REASONS,
  type MirroredDatagram,
  parseDatagram,
} from "../../../src/mediation/datagram.js";

const IPV4 = Buffer.from("4500001c000100004001f76264400007cb007102080000000000000000", "hex").subarray(0, 28);

function datagram(header: string, inner: Buffer = IPV4): Buffer {
  return Buffer.concat([Buffer.from(header, "hex"), inner]);
}

function parsed(bytes: Buffer, format: (typeof HEADER_FORMATS)[number] = "auto"): MirroredDatagram {
  const result = parseDatagram(bytes, format);
  if (typeof result === "string") assert.fail(`refused: ${result}`);
  return result;
}

describe("the header of a mirrored packet", () => {
  it("is Junos with version 0: 30-bit intercept id, session id, no direction", () => {
    const { packet, ...rest } = parsed(datagram("0000030000000090"));
    assert.deepEqual(rest, { interceptId: 0x300, sessionId: 0x90, direction: "unknown", originalLength: 28 });
    assert.ok(packet.equals(IPV4));
    assert.equal(parsed(datagram("3fffffffffffffff")).interceptId, 0x3fff_ffff);
    assert.equal(parsed(datagram("3fffffffffffffff")).sessionId, 0xffff_ffff);
  });

  it("is Nokia with version 1: a direction bit and a 29-bit intercept id", () => {
    assert.deepEqual(
      { ...parsed(datagram("4000030000000090")), packet: undefined },
      {
        interceptId: 0x300,
        sessionId: 0x90,
        direction: "from",
        originalLength: 28,
        packet: undefined,
      },
    );
    assert.equal(parsed(datagram("7fffffff00000000")).direction, "to");
    assert.equal(parsed(datagram("7fffffff00000000")).interceptId, 0x1fff_ffff);
  });

  it("may be limited to one of the two", () => {
    assert.equal(parseDatagram(datagram("4000030000000090"), "junos"), "header-version");
    assert.equal(parseDatagram(datagram("0000030000000090"), "nokia"), "header-version");
    assert.equal(parsed(datagram("0000030000000090"), "junos").interceptId, 0x300);
    assert.equal(parsed(datagram("4000030000000090"), "nokia").interceptId, 0x300);
  });

  it("is refused with the reason where it is none", () => {
    for (const version of ["80", "c0", "ff"]) {
      assert.equal(parseDatagram(datagram(`${version}00030000000090`), "auto"), "header-version");
    }
    for (let length = 0; length <= 8; length++) assert.equal(parseDatagram(Buffer.alloc(length), "auto"), "short");
    for (const nibble of [0, 1, 5, 7, 15]) {
      assert.equal(parseDatagram(datagram("0000030000000090", Buffer.of(nibble << 4)), "auto"), "inner-version");
    }
  });

  it("tells how long a packet was before it was cut", () => {
    const cut = Buffer.from("450005dc0001", "hex");
    assert.equal(parsed(datagram("0000030000000090", cut)).originalLength, 1500);
    assert.equal(parsed(datagram("0000030000000090", Buffer.from("6000000005b41140", "hex"))).originalLength, 1500);
    // Cut before its length field, a jumbogram, and padding behind the packet.
    assert.equal(parsed(datagram("0000030000000090", Buffer.of(0x45))).originalLength, 1);
    assert.equal(parsed(datagram("0000030000000090", Buffer.from("6000000000001140", "hex"))).originalLength, 8);
    const padded = Buffer.concat([IPV4, Buffer.alloc(18)]);
    assert.equal(parsed(datagram("0000030000000090", padded)).originalLength, 46);
  });

  it("is read back as it was written, whatever the ids", () => {
    const ids = fc.tuple(fc.nat(0x3fff_ffff), fc.nat(0xffff_ffff), fc.uint8Array({ maxLength: 80 }));
    fc.assert(
      fc.property(ids, fc.constantFrom(4, 6), ([interceptId, sessionId, rest], ipVersion) => {
        const inner = Buffer.concat([Buffer.of(ipVersion << 4), rest]);
        const header = Buffer.alloc(8);
        header.writeUInt32BE(interceptId, 0);
        header.writeUInt32BE(sessionId, 4);
        const result = parsed(Buffer.concat([header, inner]));
        assert.equal(result.interceptId, interceptId);
        assert.equal(result.sessionId, sessionId);
        assert.ok(result.packet.equals(inner));
        assert.ok(result.originalLength >= inner.length);
      }),
    );
  });

  it("never throws, whatever the bytes", () => {
    fc.assert(
      fc.property(fc.uint8Array({ maxLength: 120 }), fc.constantFrom(...HEADER_FORMATS), (bytes, format) => {
        const result = parseDatagram(Buffer.from(bytes), format);
        if (typeof result === "string") assert.ok(MALFORMED_REASONS.includes(result));
        else assert.equal(result.packet.length, bytes.length - 8);
      }),
      { numRuns: 20_000 },
    );
  });
});
