import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { once } from "node:events";
import { describe, it } from "node:test";
import { ListenError, openSocket, parseListenAddress } from "../../../src/mediation/listen.js";
import { dropsInTable, kernelAddress } from "../../../src/mediation/socket-drops.js";
import { libc } from "../../../src/net/libc.js";

const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOL_UDP = 17;
/** linux/udp.h */
const UDP_NO_CHECK6_TX = 101;

describe("an address to listen on", () => {
  it("is an IP literal, with port and direction where they are given", () => {
    const cases: [string, string, number, string][] = [
      ["198.51.100.9:30031", "198.51.100.9", 30031, "unknown"],
      ["198.51.100.9", "198.51.100.9", 30030, "unknown"],
      ["0.0.0.0:65535/to", "0.0.0.0", 65535, "to"],
      ["198.51.100.9/from", "198.51.100.9", 30030, "from"],
      ["[2001:db8::9]:1", "2001:db8::9", 1, "unknown"],
      ["[2001:db8::9]/to", "2001:db8::9", 30030, "to"],
      ["2001:db8::9", "2001:db8::9", 30030, "unknown"],
      ["2001:db8::9/from", "2001:db8::9", 30030, "from"],
      ["::", "::", 30030, "unknown"],
    ];
    for (const [text, address, port, direction] of cases) {
      assert.deepEqual(parseListenAddress(text), { address, port, direction }, text);
    }
  });

  it("is refused in one sentence that names what is wrong", () => {
    const cases: [string, RegExp][] = [
      ["", /expected an IP address/],
      ["mediation.example:30030", /expected an IP address/],
      ["10.1:30030", /expected an IP address/],
      ["[198.51.100.9]:30030", /expected an IP address/],
      ["[fe80::1%eth0]:30030", /expected an IP address/],
      ["198.51.100.9:0", /port must be 1 to 65535/],
      ["198.51.100.9:70000", /port must be 1 to 65535/],
      ["198.51.100.9:", /port must be 1 to 65535/],
      ["198.51.100.9:30030/both", /direction/],
      ["198.51.100.9:30030/", /direction/],
    ];
    for (const [text, message] of cases) {
      assert.throws(
        () => parseListenAddress(text),
        (error) => error instanceof ListenError && message.test(error.message),
        text,
      );
    }
  });
});

describe("an open socket", () => {
  it("takes IPv6 datagrams without a UDP checksum, as Junos-style copies come", async (t) => {
    const { socket, port } = await openOnLoopback();
    t.after(() => socket.close());
    const arrived = once(socket, "message", { signal: AbortSignal.timeout(5000) });
    const fd = libc().socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
    assert.equal(libc().setsockopt(fd, SOL_UDP, UDP_NO_CHECK6_TX, Buffer.from([1, 0, 0, 0]), 4), 0);
    const sender = createSocket("udp6");
    t.after(() => sender.close());
    await new Promise<void>((resolve) => sender.bind({ fd }, resolve));
    sender.send("copy", port, "::1");
    const [message] = (await arrived) as [Buffer];
    assert.equal(message.toString(), "copy");
  });

  it("says in one sentence why an IPv6 address cannot be had", async (t) => {
    const { socket, port } = await openOnLoopback();
    t.after(() => socket.close());
    const refused = (address: string) => openSocket({ address, port, direction: "unknown" }, 65_536);
    await assert.rejects(refused("::1"), /^ListenError: cannot listen on \[::1\]:\d+: the port is in use/);
    await assert.rejects(refused("2001:db8::9"), /^ListenError: .* no interface of this host has the address/);
  });
});

/** A port that was free just now may be taken by the next moment. */
async function openOnLoopback(): Promise<{ socket: Socket; port: number }> {
  for (;;) {
    const port = 20_000 + randomInt(40_000);
    try {
      const { socket } = await openSocket({ address: "::1", port, direction: "unknown" }, 65_536);
      return { socket, port };
    } catch (error) {
      if (!(error instanceof ListenError && error.message.includes("in use"))) throw error;
    }
  }
}

describe("the kernel's table of UDP sockets", () => {
  // As Linux 6 prints it.
  const table = `   sl  local_address rem_address   st tx_queue rx_queue tr tm->when retrnsmt   uid  timeout inode ref pointer drops
 2050: 096433C6:754E 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 24212 2 0000000000000000 17
 2051: 0100007F:754E 00000000:0000 07 00000000:00000000 00:00000000 00000000     0        0 24213 2 0000000000000000 400
`;

  it("tells the drops of a socket by its address", () => {
    assert.equal(kernelAddress("198.51.100.9", 30030), "096433C6:754E");
    assert.equal(kernelAddress("2001:db8::9", 30030), "B80D0120000000000000000009000000:754E");
    assert.equal(dropsInTable(table, new Set(["096433C6:754E"])), 17);
    assert.equal(dropsInTable(table, new Set(["096433C6:754E", "0100007F:754E"])), 417);
    assert.equal(dropsInTable(table, new Set(["00000000:754E"])), 0);
  });
});
