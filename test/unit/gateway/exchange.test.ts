import assert from "node:assert/strict";
import { describe, it } from "node:test";
import { Registry } from "prom-client";
import type { Link } from "../../../src/gateway/channel.js";
import { HealthCheck } from "../../../src/gateway/health.js";
import { GatewayMetrics } from "../../../src/gateway/metrics.js";
import { UpstreamPool } from "../../../src/gateway/pool.js";
import { Upstream } from "../../../src/gateway/upstream.js";
import { encodeRequest, encodeResponse } from "../../../src/radius/authenticator.js";
import { CODE } from "../../../src/radius/codes.js";
import { decodePacket } from "../../../src/radius/packet.js";
import { FakeClock } from "./fake-clock.js";

const SECRET = Buffer.from("secret");

/** A server whose answers are given by hand. */
class FakeServer {
  readonly received: Buffer[] = [];
  readonly upstream: Upstream;
  changes: boolean[] = [];
  dropped = 0;
  #receive: (bytes: Buffer) => void = () => undefined;
  #broken: () => void = () => undefined;

  constructor(name: string, clock: FakeClock) {
    const link: Link = { send: (bytes) => void this.received.push(bytes), close: () => Promise.resolve() };
    this.upstream = new Upstream({
      name,
      secret: SECRET,
      requireMessageAuthenticator: false,
      clock,
      open: () => (receive, broken) => {
        this.#receive = receive;
        this.#broken = broken;
        return link;
      },
      dropped: () => this.dropped++,
      changed: (_port, up) => this.changes.push(up),
    });
  }

  answer(index = this.received.length - 1, secret = SECRET): void {
    const request = decodePacket(this.received[index] as Buffer);
    const response = { code: CODE.accessAccept, identifier: request.identifier, attributes: [] };
    this.#receive(encodeResponse(response, secret, request.authenticator));
  }

  unreachable(): void {
    this.#broken();
  }
}

function rig(count: number, attempts = 4) {
  const clock = new FakeClock();
  const servers = Array.from({ length: count }, (_, index) => new FakeServer(`aaa${index + 1}`, clock));
  const metrics = new GatewayMetrics(
    new Registry(),
    servers.map(({ upstream }) => upstream.name),
  );
  const limits = { attemptMs: 1000, attempts };
  const pool = new UpstreamPool(
    servers.map(({ upstream }) => upstream),
    limits,
    clock,
    metrics,
  );
  let made = 0;
  const ask = (key = "alice", first?: Upstream) =>
    pool.ask(
      "auth",
      key,
      (_upstream, identifier) => {
        const authenticator = Buffer.alloc(16, ++made);
        return {
          bytes: encodeRequest({ code: CODE.accessRequest, identifier, attributes: [] }, SECRET, authenticator),
          authenticator,
        };
      },
      first,
    );
  const asked = () => servers.find(({ received }) => received.length > 0) as FakeServer;
  const other = () => servers.find((server) => server !== asked()) as FakeServer;
  return { clock, servers, ask, asked, other };
}

describe("an exchange with upstream servers", () => {
  it("takes the first authentic answer", async () => {
    const { ask, servers } = rig(1);
    const [server] = servers as [FakeServer];
    const reply = ask();
    server.answer(0, Buffer.from("forged"));
    assert.equal(server.dropped, 1);
    server.answer();
    assert.equal((await reply)?.upstream, server.upstream);
    server.answer();
    assert.equal(server.dropped, 2, "a second answer fits no request");
  });

  it("asks a single server again with the same packet", async () => {
    const { ask, servers, clock } = rig(1, 3);
    const [server] = servers as [FakeServer];
    const reply = ask();
    clock.pass(2000);
    assert.equal(server.received.length, 3);
    for (const packet of server.received) assert.deepEqual(packet, server.received[0]);
    clock.pass(1000);
    assert.equal(await reply, undefined);
  });

  it("goes to the next server, and still takes the first one's answer", async () => {
    const { ask, asked, other, clock } = rig(2);
    const reply = ask();
    const [first, second] = [asked(), other()];
    clock.pass(1000);
    assert.equal(second.received.length, 1);
    assert.notDeepEqual(second.received[0], first.received[0], "another hop, another authenticator");
    first.answer();
    assert.equal((await reply)?.upstream, first.upstream);
  });

  it("goes to the next server at once when the port is dead", async () => {
    const { ask, asked, other } = rig(2);
    const reply = ask();
    const [first, second] = [asked(), other()];
    first.unreachable();
    assert.equal(second.received.length, 1);
    second.answer();
    assert.equal((await reply)?.upstream, second.upstream);
  });

  it("passes a server over that did not answer three times, until it answers again", async () => {
    const { ask, asked, other, clock } = rig(2);
    const pending = [ask(), ask(), ask()];
    const [first, second] = [asked(), other()];
    assert.equal(first.received.length, 3);
    clock.pass(1000);
    assert.deepEqual(first.changes, [false]);
    for (let index = 0; index < 3; index++) second.answer(index);
    await Promise.all(pending);
    const next = ask();
    assert.equal(second.received.length, 4);
    second.answer();
    await next;
    const check = new HealthCheck(first.upstream, "auth", { clock, intervalMs: 5000, statusServer: true });
    clock.pass(5000);
    assert.equal(decodePacket(first.received.at(-1) as Buffer).code, CODE.statusServer);
    first.answer();
    check.stop();
    assert.deepEqual(first.changes, [false, true]);
    const again = ask();
    assert.equal(decodePacket(first.received.at(-1) as Buffer).code, CODE.accessRequest);
    first.answer();
    assert.equal((await again)?.upstream, first.upstream);
  });

  it("shares the load by key, and keeps a key where it is", () => {
    const { ask, servers } = rig(3);
    for (let index = 0; index < 300; index++) void ask(`user${index}`);
    for (const { received } of servers) assert.ok(received.length > 60, `${received.length} of 300`);
    const before = servers.map(({ received }) => received.length);
    for (let index = 0; index < 10; index++) void ask("alice");
    const grown = servers.filter(({ received }, index) => received.length > (before[index] as number));
    assert.equal(grown.length, 1);
  });

  it("asks the server that issued a State first", () => {
    const { ask, servers } = rig(3);
    const wanted = servers[2] as FakeServer;
    for (let index = 0; index < 20; index++) void ask(`user${index}`, wanted.upstream);
    assert.equal(wanted.received.length, 20);
  });

  it("has room for more than 256 requests at once, each with an identifier of its own", async () => {
    const { ask, servers } = rig(1);
    const [server] = servers as [FakeServer];
    const replies = Array.from({ length: 1000 }, () => ask());
    assert.equal(server.received.length, 1000);
    const counts = new Map<number, number>();
    for (const packet of server.received) counts.set(packet[1] as number, (counts.get(packet[1] as number) ?? 0) + 1);
    assert.equal(counts.size, 256);
    assert.ok([...counts.values()].every((count) => count <= 4));
    assert.equal(replies.length, 1000);
  });
});
