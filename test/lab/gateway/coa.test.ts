/** Every answer that a CoA- or Disconnect-Request can get, asked for by the real radclient. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { type RadclientCommand, radclient } from "../parts/radclient.js";
import { DAC_SECRET, type Door, openDoor } from "./door.js";

const ON = [
  "ERX-LI-Action = on",
  "ERX-Med-Dev-Handle = 0x0000030000000090",
  "ERX-Med-Ip-Address = 198.51.100.9",
  "ERX-Med-Port-Number = 30030",
];
const SESSION = ["Acct-Session-Id = 1048577", "NAS-Identifier = bng1"];

/** radclient prints known causes by name. */
const CAUSES: Readonly<Record<string, string>> = {
  "401": "Unsupported-Attribute",
  "402": "Missing-Attribute",
  "403": "NAS-Identification-Mismatch",
  "404": "Invalid-Request",
  "501": "Administratively-Prohibited",
  "502": "Proxy-Request-Not-Routable",
  "503": "Session-Context-Not-Found",
  "506": "Resources-Unavailable",
};

describe("CoA and Disconnect at the gateway", () => {
  let door: Door;
  before(async () => {
    door = await openDoor({ users: "" }, { coaTimeoutMs: 500 });
  });
  after(() => door[Symbol.asyncDispose]());

  const send = (command: RadclientCommand, attributes: readonly string[], secret = DAC_SECRET, timeoutSeconds = 5) =>
    radclient({ port: door.ports.coa, command, secret, attributes, timeoutSeconds });

  const refused = async (attributes: readonly string[], cause: string, command: "coa" | "disconnect" = "coa") => {
    const answer = await send(command, attributes);
    assert.equal(answer.code, command === "coa" ? "CoA-NAK" : "Disconnect-NAK", answer.output);
    assert.equal(answer.attributes["Error-Cause"], CAUSES[cause]);
  };

  it("acknowledges what an agent applied, and publishes what radclient encrypted", async () => {
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
    const answer = await send("coa", [...SESSION, ...ON]);
    assert.equal(answer.code, "CoA-ACK", answer.output);
    assert.deepEqual(door.bus.events.at(-1)?.data, {
      nas: "bng1",
      attributes: { "Acct-Session-Id": "1048577", "NAS-Identifier": "bng1" },
      li: { action: "on", handle: "0000030000000090", mediation: { address: "198.51.100.9", port: 30030 } },
    });
    assert.equal(door.bus.events.at(-1)?.type, "radius.coa");
  });

  it("acknowledges a stop and a noop", async () => {
    for (const [action, result] of [
      ["off", "stopped"],
      ["noop", "noop"],
    ] as const) {
      door.bus.agents = () => [{ node: "edge1", result }];
      const answer = await send("coa", [...SESSION, `ERX-LI-Action = ${action}`, ...ON.slice(1)]);
      assert.equal(answer.code, "CoA-ACK", answer.output);
      assert.equal(door.bus.lastInstruction?.action, action);
    }
  });

  it("takes each of the five names of a session, and hands on which it was", async () => {
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
    const names = {
      "Acct-Session-Id": "1048577",
      "User-Name": "alice",
      "Calling-Station-Id": "line-7",
      "Framed-IP-Address": "100.64.0.7",
      "NAS-Port-Id": "ge-0/0/0.7",
    };
    for (const [name, value] of Object.entries(names)) {
      const answer = await send("coa", [`${name} = "${value}"`, "NAS-Identifier = bng1", ...ON]);
      assert.equal(answer.code, "CoA-ACK", answer.output);
      assert.deepEqual(door.bus.events.at(-1)?.data.attributes, { [name]: value, "NAS-Identifier": "bng1" });
    }
  });

  it("refuses one to three of the four attributes: 402", async () => {
    const published = door.bus.events.length;
    for (const missing of ON) await refused([...SESSION, ...ON.filter((line) => line !== missing)], "402");
    for (const only of ON) await refused([...SESSION, only], "402");
    assert.equal(door.bus.events.length, published);
  });

  it("refuses what names no session: 402", async () => {
    await refused(["NAS-Identifier = bng1", ...ON], "402");
    await refused(["NAS-Identifier = bng1", "Acct-Multi-Session-Id = 17", ...ON], "402");
    await refused(["NAS-Identifier = bng1"], "402", "disconnect");
  });

  it("refuses malformed handles, ports and actions: 404", async () => {
    const without = (name: string) => ON.filter((line) => !line.startsWith(name));
    for (const handle of ["0xc000030000000090", "0x0000030000", "0x00000300", "0x80000300"]) {
      await refused([...SESSION, ...without("ERX-Med-Dev"), `ERX-Med-Dev-Handle = ${handle}`], "404");
    }
    for (const port of [0, 70_000]) {
      await refused([...SESSION, ...without("ERX-Med-Port"), `ERX-Med-Port-Number = ${port}`], "404");
    }
    await refused([...SESSION, ...without("ERX-LI"), "ERX-LI-Action = 3"], "404");
    await refused([...SESSION, ...ON, "ERX-Med-Port-Number = 30031"], "404");
  });

  it("takes a 4-byte handle with the top bits 01", async () => {
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
    const four = [...ON.filter((line) => !line.includes("Handle")), "ERX-Med-Dev-Handle = 0x40000300"];
    assert.equal((await send("coa", [...SESSION, ...four])).code, "CoA-ACK");
    assert.equal(door.bus.lastInstruction?.handle, "40000300");
  });

  it("refuses another NAS: 403", async () => {
    await refused(["Acct-Session-Id = 1048577", "NAS-Identifier = bng9", ...ON], "403");
    await refused(["Acct-Session-Id = 1048577", "NAS-IP-Address = 192.0.2.99", ...ON], "403");
    await refused(["Acct-Session-Id = 1048577", "NAS-Identifier = bng9"], "403", "disconnect");
  });

  it("refuses a change that only a NAS could make: 401", async () => {
    await refused([...SESSION, "Session-Timeout = 60"], "401");
    await refused([...SESSION, "Session-Timeout = 60", ...ON], "401");
    await refused([...SESSION, ...ON], "401", "disconnect");
  });

  it("passes the agents' refusals on: 503, 404, 501, 506", async () => {
    door.bus.agents = () => [{ node: "edge1", result: "unknown-session" }];
    await refused([...SESSION, ...ON], "503");
    for (const errorCause of [404, 501, 506] as const) {
      door.bus.agents = () => [{ node: "edge1", result: "rejected", errorCause }];
      await refused([...SESSION, ...ON], String(errorCause));
    }
  });

  it("says 502 when no agent answers, and when the event cannot be stored", async () => {
    door.bus.agents = () => [];
    await refused([...SESSION, ...ON], "502");
    door.bus.away = true;
    await refused([...SESSION, ...ON], "502");
    door.bus.away = false;
  });

  it("takes one applied of several agents for an ACK, and the worst answer otherwise", async () => {
    door.bus.agents = () => [
      { node: "edge1", result: "unknown-session" },
      { node: "edge2", result: "applied" },
    ];
    assert.equal((await send("coa", [...SESSION, ...ON])).code, "CoA-ACK");
    door.bus.agents = () => [
      { node: "edge1", result: "stopped" },
      { node: "edge2", result: "rejected", errorCause: 404 },
    ];
    await refused([...SESSION, ...ON], "404");
    door.bus.agents = () => [
      { node: "edge1", result: "unknown-session" },
      { node: "edge2", result: "stopped" },
    ];
    assert.equal((await send("coa", [...SESSION, ...ON])).code, "CoA-ACK");
  });

  it("asks agents about a Disconnect-Request too", async () => {
    door.bus.agents = () => [{ node: "edge1", result: "stopped" }];
    assert.equal((await send("disconnect", SESSION)).code, "Disconnect-ACK");
    assert.equal(door.bus.events.at(-1)?.type, "radius.disconnect");
    door.bus.agents = () => [{ node: "edge1", result: "unknown-session" }];
    await refused(SESSION, "503", "disconnect");
  });

  it("discards a request from outside the Event-Timestamp window, and takes one inside", async () => {
    const seconds = Math.floor(Date.now() / 1000);
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
    const old = await send("coa", [...SESSION, ...ON, `Event-Timestamp = ${seconds - 400}`], DAC_SECRET, 1);
    assert.equal(old.code, undefined, old.output);
    const fresh = await send("coa", [
      ...SESSION,
      ...ON,
      `Event-Timestamp = ${seconds - 100}`,
      "Message-Authenticator = 0x00",
    ]);
    assert.equal(fresh.code, "CoA-ACK", fresh.output);
  });

  it("drops a request that was not made with the client's secret", async () => {
    const published = door.bus.events.length;
    assert.equal((await send("coa", [...SESSION, ...ON], "another", 1)).code, undefined);
    assert.equal(door.bus.events.length, published);
    assert.match(await door.registry.metrics(), /dropped_total\{service="coa",reason="bad_authenticator"\} 1\n/);
  });
});
