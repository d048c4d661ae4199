/** Events that come twice, late, in another order, or are poison; and more logins than anybody has. */
import assert from "node:assert/strict";
import { test } from "node:test";
import { type JetStreamManager, jetstreamManager } from "@nats-io/jetstream";
import { connect, type NatsConnection } from "@nats-io/transport-node";
import { DEAD_LETTER_STREAM } from "../../../src/bus/dead-letter-stream.js";
import { EVENT_STREAM } from "../../../src/bus/streams.js";
import { eventSubject } from "../../../src/events/subjects.js";
import type { RadiusEvent, RadiusEventType } from "../../../src/events/types.js";
import { li, radiusEvent } from "../../support/events.js";
import { enterNamespace } from "../parts/netns.js";
import { until } from "../parts/poll.js";
import type { Scenario } from "../parts/scenario.js";
import { NAS } from "../parts/system.js";
import { ACTIVE, assertMetric, SESSION, underTraffic, untilMetric } from "./under-traffic.js";

const ROUNDS = 100;
const LOGINS_A_SECOND = 10_000;
const STORM_S = 2;

interface Bus extends AsyncDisposable {
  readonly connection: NatsConnection;
  readonly manager: JetStreamManager;
}

async function onTheBus({ topology }: Scenario): Promise<Bus> {
  enterNamespace(topology.lab, topology.edge);
  const connection = await connect({ servers: "nats://127.0.0.1:4222" });
  const manager = await jetstreamManager(connection);
  return { connection, manager, [Symbol.asyncDispose]: () => connection.close() };
}

/** Waits until the agent has taken every event of the stream. */
async function untilTaken(manager: JetStreamManager, deadlineMs = 60_000): Promise<void> {
  const consumer = "agent_edge";
  await until(
    async () => {
      const { state } = await manager.streams.info(EVENT_STREAM);
      return (await manager.consumers.info(EVENT_STREAM, consumer)).ack_floor.stream_seq >= state.last_seq;
    },
    { what: "the agent to take all events", everyMs: 100, deadlineMs },
  );
}

test("events twice, late, in another order, and poison between them", async (t) => {
  await underTraffic(t, {}, async (scenario) => {
    await using bus = await onTheBus(scenario);
    const { alice, bob } = scenario.topology;
    const own = { "User-Name": "alice", "Acct-Session-Id": SESSION, "Framed-IP-Address": alice.ipv4 };
    const earlier = { ...own, "Acct-Session-Id": "1048000" };
    const event = (type: RadiusEventType, attributes: RadiusEvent["data"]["attributes"], more: object = {}) =>
      radiusEvent(type, { nas: NAS, attributes, ...more });
    const old = new Date(Date.now() - 3_600_000).toISOString();
    const letters: readonly (RadiusEvent | string)[] = [
      // Her own, again: nothing new.
      event("accounting-start", own),
      event("accounting-interim", own),
      event("coa", { "Acct-Session-Id": SESSION }, { li: li("on") }),
      event("coa", { "Acct-Session-Id": SESSION }, { li: li("on") }),
      // Of her session before, repeated by a NAS that heard no answer.
      event("accounting-stop", earlier),
      // Refused: nobody waits for it any more.
      event("coa", { "Acct-Session-Id": SESSION }, { time: old, li: li("on", { handle: "0000030700000097" }) }),
      // Refused: does not name what is in force.
      event("coa", { "Acct-Session-Id": SESSION }, { li: li("off", { handle: "0000030000000091" }) }),
      event("coa", { "Acct-Session-Id": "1" }, { li: li("off") }),
      // Poison.
      "{",
      JSON.stringify({ ...event("coa", own), specversion: "0.3" }),
      event("accounting-start", { ...own, "Framed-IP-Address": "100.64.0.300" }),
      event("accounting-start", { "User-Name": "bob", "Framed-IP-Address": bob.ipv4 }),
    ];
    for (let round = 0; round < ROUNDS; round++) {
      // A different order each time; without ids that the stream would know them by.
      const turned = [...letters.slice(round % letters.length), ...letters.slice(0, round % letters.length)];
      for (const letter of turned) {
        const isText = typeof letter === "string";
        const subject = isText ? eventSubject(NAS, "coa") : eventSubject(NAS, letter.type.slice(7) as RadiusEventType);
        bus.connection.publish(subject, isText ? letter : JSON.stringify({ ...letter, id: `${letter.id}-${round}` }));
      }
    }
    await bus.connection.flush();
    await untilTaken(bus.manager);
    await untilMetric(scenario, ACTIVE, 1);
    await assertMetric(scenario, 'submirror_dead_letters_total{reason="malformed"}', 2 * ROUNDS);
    await assertMetric(scenario, 'submirror_events_total{type="coa",result="unknown-session"}', ROUNDS);
    await assertMetric(scenario, 'submirror_events_total{type="coa",result="rejected"}', 2 * ROUNDS);
    await until(async () => (await bus.manager.streams.info(DEAD_LETTER_STREAM)).state.messages === 2 * ROUNDS, {
      what: "the dead letters to be stored",
    });
    const letter = await bus.manager.streams.getMessage(DEAD_LETTER_STREAM, { seq: 1 });
    const { reason, seq, event: text } = letter?.json<{ reason: string; seq: number; event: string }>() ?? {};
    assert.equal(reason, "malformed");
    const original = await bus.manager.streams.getMessage(EVENT_STREAM, { seq: seq ?? 0 });
    assert.equal(Buffer.from(text ?? "", "base64").toString(), original?.string());
  });
});

test(`${LOGINS_A_SECOND} logins a second`, async (t) => {
  await underTraffic(t, {}, async (scenario) => {
    await using bus = await onTheBus(scenario);
    const began = performance.now();
    let logins = 0;
    while (logins < LOGINS_A_SECOND * STORM_S) {
      const due = Math.min(((performance.now() - began) / 1000) * LOGINS_A_SECOND, LOGINS_A_SECOND * STORM_S);
      for (; logins < due; logins++) publishLogin(bus.connection, logins);
      await bus.connection.flush();
    }
    const published = performance.now() - began;
    await untilTaken(bus.manager, 120_000);
    const taken = performance.now() - began;
    await assertMetric(scenario, "submirror_sessions", logins + 1);
    await assertMetric(scenario, ACTIVE, 1 + logins / 100);
    t.diagnostic(
      `${logins} logins, ${2 * logins} events: published in ${(published / 1000).toFixed(1)} s, carried out and stored in ${(taken / 1000).toFixed(1)} s`,
    );
  });
});

/** Access-Accept and Accounting-Start; every hundredth is to be mirrored. */
function publishLogin(connection: NatsConnection, number: number): void {
  const attributes = {
    "User-Name": `user${number}`,
    "Acct-Session-Id": `${2_000_000 + number}`,
    "Framed-IP-Address": `100.${65 + (number >> 16)}.${(number >> 8) & 255}.${number & 255}`,
    "NAS-Port-Id": `line${number}`,
  };
  const handle = (0x1000_0000 + number).toString(16) + number.toString(16).padStart(8, "0");
  const instruction = number % 100 === 0 ? { li: li("on", { handle }) } : {};
  for (const [type, more] of [
    ["access-accept", instruction],
    ["accounting-start", {}],
  ] as const)
    connection.publish(eventSubject(NAS, type), JSON.stringify(radiusEvent(type, { nas: NAS, attributes, ...more })));
}
