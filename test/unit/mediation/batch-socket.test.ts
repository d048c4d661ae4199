import assert from "node:assert/strict";
import { randomInt } from "node:crypto";
import { createSocket } from "node:dgram";
import { it, type TestContext } from "node:test";
import { setTimeout } from "node:timers/promises";
import type { BatchSocket } from "../../../src/mediation/batch-socket.js";
import { ListenError, openSocket } from "../../../src/mediation/listen.js";
import { libc } from "../../../src/net/libc.js";
import { until } from "../../support/poll.js";

const AF_INET6 = 10;
const SOCK_DGRAM = 2;
const SOCK_NONBLOCK = 0o4000;
const SOL_UDP = 17;
/** linux/udp.h */
const UDP_NO_CHECK6_TX = 101;

it("takes IPv6 datagrams without a UDP checksum, as copies come", async (t) => {
  const { socket, port } = openOnLoopback(t);
  const fd = libc().socket(AF_INET6, SOCK_DGRAM | SOCK_NONBLOCK, 0);
  assert.equal(libc().setsockopt(fd, SOL_UDP, UDP_NO_CHECK6_TX, Buffer.from([1, 0, 0, 0]), 4), 0);
  const sender = createSocket("udp6");
  t.after(() => sender.close());
  await new Promise<void>((resolve) => sender.bind({ fd }, resolve));
  sender.send("copy", port, "::1");
  const arrived: string[] = [];
  await until("the copy", () => {
    socket.receive((datagram, source) => arrived.push(`${datagram.toString()} from ${source}`));
    return arrived.length > 0;
  });
  assert.deepEqual(arrived, ["copy from ::1"]);
});

it("tells when the kernel received a datagram, not when it was taken out", async (t) => {
  const { socket, port } = openOnLoopback(t);
  const sender = createSocket("udp6");
  t.after(() => sender.close());
  const before = Date.now();
  await new Promise<void>((resolve) => sender.send("copy", port, "::1", () => resolve()));
  await setTimeout(100);
  const later = Date.now();
  const arrivals: number[] = [];
  await until("the copy", () => {
    socket.receive((_datagram, _source, timeNs) => arrivals.push(Number(timeNs / 1_000_000n)));
    return arrivals.length > 0;
  });
  const [arrival = 0] = arrivals;
  assert.ok(arrival >= before - 1 && arrival < later - 20, `${arrival - before} ms after it was sent`);
});

it("says in one sentence why an IPv6 address cannot be had", (t) => {
  const { port } = openOnLoopback(t);
  const refused = (address: string) => () => openSocket({ address, port, direction: "unknown" }, 65_536);
  assert.throws(refused("::1"), /^ListenError: cannot listen on \[::1\]:\d+: the port is in use/);
  assert.throws(refused("2001:db8::9"), /^ListenError: .* no interface of this host has the address/);
});

/** A port that was free just now may be taken by the next moment. */
function openOnLoopback(t: TestContext): { socket: BatchSocket; port: number } {
  for (;;) {
    const port = 20_000 + randomInt(40_000);
    try {
      const socket = openSocket({ address: "::1", port, direction: "unknown" }, 65_536);
      t.after(() => socket.close());
      return { socket, port };
    } catch (error) {
      if (!(error instanceof ListenError && error.message.includes("in use"))) throw error;
    }
  }
}
