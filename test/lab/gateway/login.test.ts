/** Logins through the gateway: real radclient, real FreeRADIUS. */
import assert from "node:assert/strict";
import { randomBytes } from "node:crypto";
import { createSocket } from "node:dgram";
import { after, before, describe, it } from "node:test";
import { encodeRequest } from "../../../src/radius/authenticator.js";
import { CODE, TYPE } from "../../../src/radius/codes.js";
import { hidePassword } from "../../../src/radius/hiding.js";
import { until } from "../../support/poll.js";
import { type RadclientOptions, radclient } from "../parts/radclient.js";
import { type Door, NAS_SECRET, openDoor } from "./door.js";

const USERS = `alice Cleartext-Password := "wonderland"
	Framed-IP-Address = 100.64.0.7,
	Framed-IPv6-Prefix = 2001:db8:1::/64,
	Delegated-IPv6-Prefix = 2001:db8:100::/56,
	Session-Timeout = 3600,
	ERX-LI-Action = on,
	ERX-Med-Dev-Handle = 0x0000030000000090,
	ERX-Med-Ip-Address = 198.51.100.9,
	ERX-Med-Port-Number = 30030,
	ERX-Primary-Dns = 192.0.2.53,
	Tunnel-Password:1 = "tunnelled",
	Class = 0x0102

bob Cleartext-Password := "builder"
	Framed-IP-Address = 100.64.0.8,
	MS-MPPE-Send-Key = 0x00112233445566778899aabbccddeeff

carol Cleartext-Password := "singer"
	ERX-LI-Action = on,
	ERX-Med-Dev-Handle = 0xc000030000000090,
	ERX-Med-Ip-Address = 198.51.100.9,
	ERX-Med-Port-Number = 30030
`;

/** How often the upstream server has answered. */
async function upstreamAnswers(door: Door): Promise<number> {
  const text = await door.registry.metrics();
  return Number(/submirror_gateway_upstream_seconds_count\{upstream="aaa1"\} (\d+)/.exec(text)?.[1]);
}

describe("logins through the gateway", () => {
  let door: Door;
  before(async () => {
    door = await openDoor({ users: USERS });
  });
  after(() => door[Symbol.asyncDispose]());

  const login = (attributes: readonly string[], more: Partial<RadclientOptions> = {}) =>
    radclient({
      port: door.ports.auth,
      command: "auth",
      secret: NAS_SECRET,
      attributes: ["Message-Authenticator = 0x00", "NAS-Identifier = bng1", ...attributes],
      ...more,
    });

  it("takes the LI attributes out of the Accept and leaves all else readable with the client's secret", async () => {
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
    const answer = await login(["User-Name = alice", "User-Password = wonderland", "Calling-Station-Id = line-7"]);
    assert.equal(answer.code, "Access-Accept", answer.output);
    assert.doesNotMatch(answer.output.slice(answer.output.indexOf("Received")), /LI-Action|Med-/);
    const { "Message-Authenticator": authenticator, ...rest } = answer.attributes;
    assert.match(authenticator ?? "", /^0x[0-9a-f]{32}$/);
    assert.deepEqual(rest, {
      "Framed-IP-Address": "100.64.0.7",
      "Framed-IPv6-Prefix": "2001:db8:1::/64",
      "Delegated-IPv6-Prefix": "2001:db8:100::/56",
      "Session-Timeout": "3600",
      "ERX-Primary-Dns": "192.0.2.53",
      "Tunnel-Password:1": "tunnelled",
      Class: "0x0102",
    });
  });

  it("publishes the login with the decrypted instruction, to whoever subscribed before", async () => {
    const earlier = door.bus.events.length;
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
    await login(["User-Name = alice", "User-Password = wonderland", "Calling-Station-Id = line-7"]);
    const event = door.bus.events[earlier];
    assert.ok(event);
    assert.ok(door.bus.subscribed.includes(event.id));
    assert.match(event.id, /^[0-9a-f]{8}-[0-9a-f]{4}-7[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}$/);
    assert.equal(event.type, "radius.access-accept");
    assert.equal(event.source, "radius/bng1");
    assert.deepEqual(event.data, {
      nas: "bng1",
      attributes: {
        "User-Name": "alice",
        "NAS-Identifier": "bng1",
        "Calling-Station-Id": "line-7",
        "Framed-IP-Address": "100.64.0.7",
        "Framed-IPv6-Prefix": "2001:db8:1::/64",
        "Delegated-IPv6-Prefix": "2001:db8:100::/56",
        "Session-Timeout": "3600",
        "ERX-Primary-Dns": "192.0.2.53",
        Class: "0x0102",
      },
      li: { action: "on", handle: "0000030000000090", mediation: { address: "198.51.100.9", port: 30030 } },
    });
  });

  it("holds the Accept until an agent answered", async () => {
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
    door.bus.delayMs = 150;
    const start = performance.now();
    const answer = await login(["User-Name = alice", "User-Password = wonderland"]);
    const took = performance.now() - start;
    door.bus.delayMs = 0;
    assert.equal(answer.code, "Access-Accept");
    assert.ok(took >= 150, `answered after ${took} ms`);
  });

  it("lets the Accept go after holdMs when nobody answers", async () => {
    door.bus.agents = () => [];
    const start = performance.now();
    const answer = await login(["User-Name = alice", "User-Password = wonderland"]);
    const took = performance.now() - start;
    assert.equal(answer.code, "Access-Accept");
    assert.ok(took >= 300 && took < 3000, `answered after ${took} ms`);
  });

  it("does not hold the Accept of a subscriber who is not intercepted, and re-encrypts the MPPE key", async () => {
    const answer = await login(["User-Name = bob", "User-Password = builder"]);
    assert.equal(answer.code, "Access-Accept", answer.output);
    assert.equal(answer.attributes["MS-MPPE-Send-Key"], "0x00112233445566778899aabbccddeeff");
    const event = door.bus.events.at(-1);
    assert.equal(event?.data.attributes["User-Name"], "bob");
    assert.equal(event?.data.attributes["MS-MPPE-Send-Key"], undefined);
    assert.equal(event?.data.li, undefined);
    assert.match(await door.registry.metrics(), /submirror_gateway_holds_total\{result="timeout"\} 1\n/);
  });

  it("logs in whose LI attributes break a rule, without an instruction", async () => {
    const answer = await login(["User-Name = carol", "User-Password = singer"]);
    assert.equal(answer.code, "Access-Accept");
    assert.doesNotMatch(answer.output.slice(answer.output.indexOf("Received")), /LI-Action|Med-/);
    assert.equal(door.bus.events.at(-1)?.data.li, undefined);
    assert.match(await door.registry.metrics(), /submirror_gateway_refused_instructions_total 1\n/);
  });

  it("passes PAP, CHAP and MS-CHAP on, right and wrong", async () => {
    for (const method of ["User-Password", "CHAP-Password", "MS-CHAP-Password"]) {
      const right = await login(["User-Name = bob", `${method} = builder`]);
      assert.equal(right.code, "Access-Accept", `${method}: ${right.output}`);
      const wrong = await login(["User-Name = bob", `${method} = breaker`]);
      assert.equal(wrong.code, "Access-Reject", `${method}: ${wrong.output}`);
    }
  });

  it("gives retransmissions the same answer, and asks the server, and publishes, once", async () => {
    const secret = Buffer.from(NAS_SECRET);
    const authenticator = randomBytes(16);
    const attributes = [
      { type: TYPE.userName, value: Buffer.from("bob") },
      { type: TYPE.userPassword, value: hidePassword(Buffer.from("builder"), { secret, authenticator }) },
      { type: TYPE.nasIdentifier, value: Buffer.from("bng1") },
    ];
    const request = encodeRequest({ code: CODE.accessRequest, identifier: 77, attributes }, secret, authenticator);
    const [published, asked] = [door.bus.events.length, await upstreamAnswers(door)];
    const socket = createSocket("udp4");
    const answers: Buffer[] = [];
    socket.on("message", (bytes) => answers.push(bytes));
    // Two at once, and two when the first is answered.
    for (const waitMs of [0, 500, 0, 300]) {
      socket.send(request, door.ports.auth, "127.0.0.1");
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    await until("the answers are there", () => answers.length >= 3);
    socket.close();
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
    assert.equal(answers[0]?.[0], CODE.accessAccept);
    assert.equal(door.bus.events.length, published + 1);
    assert.equal(await upstreamAnswers(door), asked + 1);
  });

  it("answers Status-Server", async () => {
    const answer = await login([], { command: "status" });
    assert.equal(answer.code, "Access-Accept", answer.output);
  });

  it("drops and counts what does not authenticate", async () => {
    const attributes = ["User-Name = bob", "User-Password = builder"];
    const silent = { tries: 1, timeoutSeconds: 1 };
    const wrongSecret = await login(attributes, { secret: "another", ...silent });
    assert.equal(wrongSecret.code, undefined);
    const unsigned = await radclient({
      port: door.ports.auth,
      command: "auth",
      secret: NAS_SECRET,
      attributes,
      ...silent,
    });
    assert.equal(unsigned.code, undefined);
    const stranger = await login([...attributes, "Packet-Src-IP-Address = 127.0.0.2"], silent);
    assert.equal(stranger.code, undefined);
    const other = await radclient({
      port: door.ports.auth,
      command: "auth",
      secret: NAS_SECRET,
      attributes: ["Message-Authenticator = 0x00", "NAS-Identifier = bng2", ...attributes],
      ...silent,
    });
    assert.equal(other.code, undefined);
    const metrics = await door.registry.metrics();
    for (const reason of [
      "bad_message_authenticator",
      "missing_message_authenticator",
      "unknown_client",
      "other_nas",
    ]) {
      assert.match(metrics, new RegExp(`submirror_gateway_dropped_total\\{service="auth",reason="${reason}"\\} 1\\n`));
    }
  });

  it("names no subject in its log", () => {
    const text = JSON.stringify(door.log.lines);
    assert.ok(door.log.lines.length > 0);
    assert.doesNotMatch(text, /alice|bob|carol|100\.64|2001:db8|line-7|198\.51\.100/);
  });
});
