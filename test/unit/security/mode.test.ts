import assert from "node:assert/strict";
import { test } from "node:test";
import { parseConfig } from "../../../src/config/load.js";
import { checkSecurityMode } from "../../../src/security/mode.js";
import { labTrust } from "../../../src/security/trust.js";
import { li, radiusEvent } from "../../support/events.js";
import { HOUR } from "../../support/security.js";

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

function read(data: object) {
  const source = { subject: "radius.bng1.coa", data: Buffer.from(JSON.stringify(data)), seq: 1 };
  return labTrust(HOUR).read(source, false).li;
}

test("lab takes plain instructions and bounds them; it takes no seal, since it cannot open one", () => {
  const event = radiusEvent("coa", { li: li("on") });
  assert.deepEqual(read(event), {
    kind: "plain",
    order: li("on"),
    mandate: { notAfter: Date.parse(event.time) + HOUR },
  });
  const sealed = read(radiusEvent("coa", { li: "s1.AAAA" }));
  assert.equal(sealed.kind === "refused" && sealed.problem.errorCause, 501);
  assert.throws(
    () => read({ ...event, data: { nas: "bng1", sealed: "AAAA" } }),
    /cannot be opened in security\.mode lab/,
  );
});
