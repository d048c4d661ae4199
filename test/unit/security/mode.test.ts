import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../src/config/load.js";
import type { EventLi } from "../../../src/events/li.js";
import { authorizerOf, checkSecurityMode } from "../../../src/security/mode.js";
import { li } from "../../support/events.js";

const check = (yaml: string) => checkSecurityMode(parseConfig(yaml, "edge1.yaml"));

test("lab is refused unless NATS is on this host's loopback", () => {
  assert.match(check('security: { mode: lab }\nnats: { servers: ["nats://192.0.2.1:4222"] }') ?? "", /is refused/);
  assert.match(
    check('security: { mode: lab }\nnats: { servers: ["127.0.0.1", "nats.example.net"] }') ?? "",
    /is refused/,
  );
  // What a name resolves to may change after it was looked at.
  assert.match(
    check('security: { mode: lab }\nnats: { servers: ["nats://localhost.example.net"] }') ?? "",
    /is refused/,
  );
});

test("lab is taken with loopback servers or the embedded one; strict anywhere", () => {
  for (const servers of ["nats://127.0.0.1:4222", "nats://[::1]:4222", "localhost:4222", "127.0.0.9"]) {
    assert.equal(check(`security: { mode: lab }\nnats: { servers: ["${servers}"] }`), undefined, servers);
  }
  assert.equal(
    check('security: { mode: lab }\nnats: { embedded: true, servers: ["nats://192.0.2.1:4222"] }'),
    undefined,
  );
  assert.equal(check('nats: { servers: ["nats://192.0.2.1:4222"] }'), undefined);
});

const PLAIN: EventLi = { kind: "plain", order: li("on") };
const SEALED: EventLi = { kind: "sealed", text: "x" };

test("strict refuses what was not sealed and signed, with 501", () => {
  const refused = authorizerOf("strict").authorize(PLAIN);
  assert.equal(refused.kind, "refused");
  if (refused.kind !== "refused") return;
  assert.equal(refused.problem.errorCause, 501);
  assert.match(refused.problem.message, /not sealed and signed/);
});

test("lab takes plain instructions; nobody takes a seal that he cannot open", () => {
  assert.equal(authorizerOf("lab").authorize(PLAIN), PLAIN);
  for (const mode of ["strict", "lab"] as const) assert.equal(authorizerOf(mode).authorize(SEALED).kind, "refused");
});
