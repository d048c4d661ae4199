/** CoA- and Disconnect-Requests that go on to a NAS: the NAS is a real FreeRADIUS that takes them. */
import assert from "node:assert/strict";
import { createSocket } from "node:dgram";
import { existsSync, mkdtempSync, readFileSync, rmSync } from "node:fs";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { after, before, beforeEach, describe, it } from "node:test";
import { encodeRequest } from "../../../src/radius/authenticator.js";
import { CODE, TYPE } from "../../../src/radius/codes.js";
import { type RunningFreeradius, startFreeradius } from "../parts/freeradius.js";
import { freeUdpPorts } from "../parts/ports.js";
import { type RadclientCommand, radclient } from "../parts/radclient.js";
import { DAC_SECRET, type Door, NAS_SECRET, openDoor } from "./door.js";

const ON = [
  "ERX-LI-Action = on",
  "ERX-Med-Dev-Handle = 0x0000030000000090",
  "ERX-Med-Ip-Address = 198.51.100.9",
  "ERX-Med-Port-Number = 30030",
];
const SESSION = ["Acct-Session-Id = 1048577", "NAS-Identifier = bng1"];
const SECRET_OF_NAS = "between gateway and nas";

describe("requests that are relayed to a NAS", () => {
  let directory: string;
  let nas: RunningFreeradius;
  let door: Door;
  let taken: string;
  before(async () => {
    directory = mkdtempSync(join(tmpdir(), "submirror-nas-"));
    taken = join(directory, "taken");
    const [auth, acct, coa] = (await freeUdpPorts(3)) as [number, number, number];
    nas = await startFreeradius({
      dir: directory,
      ports: { auth, acct },
      clients: [{ name: "gateway", address: "127.0.0.1", secret: SECRET_OF_NAS }],
      users: "",
      extra: {
        modules: `detail taken {
          filename = ${taken}
        }
        always reject {
          rcode = reject
        }
        always handled {
          rcode = handled
        }`,
        top: `server nas {
          listen {
            type = coa
            ipaddr = 127.0.0.1
            port = ${coa}
          }
          recv-coa {
            taken
            if (&Filter-Id == "refuse") {
              update reply {
                Error-Cause := Resources-Unavailable
              }
              reject
            }
            if (&Filter-Id == "ignore") {
              update control {
                Response-Packet-Type := Do-Not-Respond
              }
              handled
            }
          }
        }`,
      },
    });
    door = await openDoor(
      { users: "" },
      {
        clients: [
          {
            name: "bng1",
            address: "127.0.0.1",
            secret: NAS_SECRET,
            nasIdentifier: "bng1",
            coa: { address: "127.0.0.1", port: coa, secret: SECRET_OF_NAS },
          },
        ],
        coaTimeoutMs: 500,
        upstreamTimeoutMs: 200,
        upstreamAttempts: 2,
      },
    );
  });
  after(async () => {
    await door[Symbol.asyncDispose]();
    await nas.stop();
    rmSync(directory, { recursive: true, force: true });
  });
  beforeEach(() => {
    door.bus.events.length = 0;
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
    rmSync(taken, { force: true });
  });

  const send = (command: RadclientCommand, attributes: readonly string[]) =>
    radclient({ port: door.ports.coa, command, secret: DAC_SECRET, attributes });

  /** Names and values of what the NAS was asked for last, without what FreeRADIUS adds to its log. */
  const received = () => {
    if (!existsSync(taken)) return undefined;
    const last = readFileSync(taken, "utf8").trimEnd().split("\n\n").at(-1) as string;
    const lines = [...last.matchAll(/^\t(\S+ = .*)$/gm)].map(([, line = ""]) => line);
    return lines.filter((line) => !/^(Packet-Type|Timestamp|Tmp-|Event-Timestamp|Proxy-State)/.test(line));
  };

  it("a change for the NAS alone: its answer counts, and no event is made", async () => {
    const answer = await send("coa", [...SESSION, "Session-Timeout = 60", "Message-Authenticator = 0x00"]);
    assert.equal(answer.code, "CoA-ACK", answer.output);
    assert.ok(received()?.includes("Session-Timeout = 60"));
    assert.equal(door.bus.events.length, 0);
  });

  it("a change for both: the NAS sees no LI attribute, then the agents are asked", async () => {
    const answer = await send("coa", [...SESSION, "Session-Timeout = 60", ...ON]);
    assert.equal(answer.code, "CoA-ACK", answer.output);
    assert.deepEqual(received(), ['Acct-Session-Id = "1048577"', 'NAS-Identifier = "bng1"', "Session-Timeout = 60"]);
    assert.equal(door.bus.lastInstruction?.handle, "0000030000000090");
    door.bus.agents = () => [{ node: "edge1", result: "unknown-session" }];
    const unknown = await send("coa", [...SESSION, "Session-Timeout = 60", ...ON]);
    assert.deepEqual([unknown.code, unknown.attributes["Error-Cause"]], ["CoA-NAK", "Session-Context-Not-Found"]);
  });

  it("mirroring alone is none of the NAS's business", async () => {
    assert.equal((await send("coa", [...SESSION, ...ON])).code, "CoA-ACK");
    assert.equal(received(), undefined);
  });

  it("what the NAS refuses is refused, with its Error-Cause, and nothing is mirrored", async () => {
    const answer = await send("coa", [...SESSION, "Filter-Id = refuse", ...ON]);
    assert.deepEqual([answer.code, answer.attributes["Error-Cause"]], ["CoA-NAK", "Resources-Unavailable"]);
    assert.equal(door.bus.events.length, 0);
  });

  it("a NAS that is silent: 502, and nothing is mirrored", async () => {
    const answer = await send("coa", [...SESSION, "Filter-Id = ignore", ...ON]);
    assert.deepEqual([answer.code, answer.attributes["Error-Cause"]], ["CoA-NAK", "Proxy-Request-Not-Routable"]);
    assert.equal(door.bus.events.length, 0);
  });

  it("what breaks a rule does not reach the NAS", async () => {
    const answer = await send("coa", [...SESSION, "Session-Timeout = 60", ...ON.slice(1)]);
    assert.deepEqual([answer.code, answer.attributes["Error-Cause"]], ["CoA-NAK", "Missing-Attribute"]);
    assert.equal(received(), undefined);
  });

  it("a Disconnect-Request ends the session at the NAS, and then tells the agents", async () => {
    const answer = await send("disconnect", SESSION);
    assert.equal(answer.code, "Disconnect-ACK", answer.output);
    assert.deepEqual(
      door.bus.events.map(({ type }) => type),
      ["radius.disconnect"],
    );
  });

  it("a retransmission gets the same answer, and acts once", async () => {
    const attributes = [
      { type: TYPE.acctSessionId, value: Buffer.from("1048577") },
      { type: TYPE.nasIdentifier, value: Buffer.from("bng1") },
    ];
    const packet = { code: CODE.disconnectRequest, identifier: 77, attributes };
    const request = encodeRequest(packet, Buffer.from(DAC_SECRET));
    const socket = createSocket("udp4");
    const answers: Buffer[] = [];
    socket.on("message", (bytes) => answers.push(bytes));
    // Two while the first is worked on, one when it is answered.
    for (const waitMs of [0, 300, 300]) {
      socket.send(request, door.ports.coa, "127.0.0.1");
      await new Promise((resolve) => setTimeout(resolve, waitMs));
    }
    socket.close();
    assert.equal(door.bus.events.length, 1);
    assert.ok(answers.length >= 2, `${answers.length} answers`);
    for (const answer of answers) assert.deepEqual(answer, answers[0]);
  });
});
