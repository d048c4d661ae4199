import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Senders } from "../../../src/gateway/senders.js";
import { SOCKADDR_BYTES, socketAddress } from "../../../src/net/datagrams.js";

/** As recvmmsg(2) leaves it, in the second of two places. */
function received(address: string, port: number): Buffer {
  const names = Buffer.alloc(2 * SOCKADDR_BYTES);
  socketAddress(address, port)?.copy(names, SOCKADDR_BYTES);
  return names;
}

describe("senders", () => {
  it("are told apart by address and port, and are the same whoever read the datagram", () => {
    for (const [family, one, other] of [
      [4, "192.0.2.1", "192.0.2.2"],
      [6, "2001:db8::1", "2001:db8::2"],
    ] as const) {
      const senders = new Senders(family);
      const sender = senders.at(received(one, 1812), SOCKADDR_BYTES);
      assert.deepEqual(
        { ...sender },
        { address: one, port: 1812, text: `${one} 1812`, name: socketAddress(one, 1812) },
      );
      assert.equal(senders.of(one, 1812), sender);
      assert.equal(senders.at(received(one, 1812), SOCKADDR_BYTES), sender);
      assert.notEqual(senders.at(received(one, 1813), SOCKADDR_BYTES).text, sender.text);
      assert.notEqual(senders.at(received(other, 1812), SOCKADDR_BYTES).text, sender.text);
    }
  });

  it("of IPv6 are the same whatever label their flow has", () => {
    const senders = new Senders(6);
    const labelled = received("2001:db8::1", 1812);
    labelled.writeUInt32BE(0xabcde, SOCKADDR_BYTES + 4);
    assert.equal(senders.at(labelled, SOCKADDR_BYTES), senders.of("2001:db8::1", 1812));
  });
});
