/** Accounting through the gateway: real radclient, real FreeRADIUS. */
import assert from "node:assert/strict";
import { readFileSync } from "node:fs";
import { after, before, describe, it } from "node:test";
import { radclient } from "../parts/radclient.js";
import { type Door, NAS_SECRET, openDoor } from "./door.js";

describe("accounting through the gateway", () => {
  let door: Door;
  before(async () => {
    door = await openDoor({ users: "" });
  });
  after(() => door[Symbol.asyncDispose]());

  const account = (attributes: readonly string[], secret = NAS_SECRET, timeoutSeconds = 5) =>
    radclient({ port: door.ports.accounting, command: "acct", secret, attributes, timeoutSeconds });

  const TYPES = {
    Start: "accounting-start",
    "Interim-Update": "accounting-interim",
    Stop: "accounting-stop",
    "Accounting-On": "accounting-on",
    "Accounting-Off": "accounting-off",
  };

  for (const [status, type] of Object.entries(TYPES)) {
    it(`relays ${status}, publishes it, and answers`, async () => {
      const answer = await account([
        `Acct-Status-Type = ${status}`,
        "Acct-Session-Id = 1048577",
        "NAS-Identifier = bng1",
        "User-Name = alice",
        "Framed-IP-Address = 100.64.0.7",
        "Acct-Input-Octets = 1234",
      ]);
      assert.equal(answer.code, "Accounting-Response", answer.output);
      assert.deepEqual(answer.attributes, {});
      const [event] = door.bus.of(type);
      assert.ok(event);
      assert.deepEqual(event.data, {
        nas: "bng1",
        attributes: {
          "Acct-Status-Type": status,
          "Acct-Session-Id": "1048577",
          "NAS-Identifier": "bng1",
          "User-Name": "alice",
          "Framed-IP-Address": "100.64.0.7",
          "Acct-Input-Octets": "1234",
        },
      });
      assert.match(readFileSync(door.aaa.detailFile, "utf8"), new RegExp(`Acct-Status-Type = ${status}\\n`));
    });
  }

  it("does not answer while the event cannot be stored", async () => {
    door.bus.away = true;
    const answer = await account(
      ["Acct-Status-Type = Start", "Acct-Session-Id = 7", "NAS-Identifier = bng1"],
      NAS_SECRET,
      1,
    );
    door.bus.away = false;
    assert.equal(answer.code, undefined);
    assert.match(await door.registry.metrics(), /requests_total\{service="accounting",result="not_stored"\} 1\n/);
  });

  it("drops a record that was not made with the client's secret", async () => {
    const answer = await account(["Acct-Status-Type = Start", "Acct-Session-Id = 8"], "another", 1);
    assert.equal(answer.code, undefined);
    assert.match(await door.registry.metrics(), /dropped_total\{service="accounting",reason="bad_authenticator"\} 1\n/);
  });
});
