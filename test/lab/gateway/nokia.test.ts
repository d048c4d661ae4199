/** Nokia's attributes from a real FreeRADIUS and radclient. */
import assert from "node:assert/strict";
import { after, before, describe, it } from "node:test";
import { radclient } from "../parts/radclient.js";
import { DAC_SECRET, type Door, NAS_SECRET, openDoor } from "./door.js";

const USERS = `dora Cleartext-Password := "explorer"
	Framed-IP-Address = 100.64.0.9,
	Alc-LI-Action = enable,
	Alc-LI-Destination = "9999",
	Alc-LI-Direction = ingress,
	Alc-LI-Intercept-Id = 768,
	Alc-LI-Session-Id = 144,
	Alc-Subsc-ID-Str = "subscriber-9"
`;

describe("Nokia's LI attributes", () => {
  let door: Door;
  before(async () => {
    const services = { "9999": { address: "198.51.100.9", port: 30030 } };
    door = await openDoor({ users: USERS }, { nokia: { services }, coaTimeoutMs: 500 });
    door.bus.agents = () => [{ node: "edge1", result: "applied" }];
  });
  after(() => door[Symbol.asyncDispose]());

  const INSTRUCTION = {
    handle: "0000030000000090",
    mediation: { address: "198.51.100.9", port: 30030 },
    header: "nokia",
  };
  const SESSION = ["Acct-Session-Id = 1048577", "NAS-Identifier = bng1"];
  const coa = (...attributes: string[]) =>
    radclient({ port: door.ports.coa, command: "coa", secret: DAC_SECRET, attributes: [...SESSION, ...attributes] });

  it("in an Accept: taken out, decrypted, one instruction", async () => {
    const attributes = ["User-Name = dora", "User-Password = explorer", "Message-Authenticator = 0x00"];
    const answer = await radclient({ port: door.ports.auth, command: "auth", secret: NAS_SECRET, attributes });
    assert.equal(answer.code, "Access-Accept", answer.output);
    assert.doesNotMatch(answer.output.slice(answer.output.indexOf("Received")), /Alc-LI/);
    assert.equal(answer.attributes["Alc-Subsc-ID-Str"], "subscriber-9");
    assert.deepEqual(door.bus.lastInstruction, { ...INSTRUCTION, action: "on", direction: "from" });
  });

  it("in a CoA: start with an address, stop without repeating it", async () => {
    const start = ["Alc-LI-Action = enable", 'Alc-LI-Destination = "203.0.113.5:4000"', "Alc-LI-Intercept-Id = 1"];
    assert.equal((await coa(...start)).code, "CoA-ACK");
    assert.deepEqual(door.bus.lastInstruction?.mediation, { address: "203.0.113.5", port: 4000 });
    assert.equal(door.bus.lastInstruction?.handle, "0000000100000000");
    assert.equal((await coa("Alc-LI-Action = disable")).code, "CoA-ACK");
    const event = door.bus.events.at(-1);
    assert.equal(event?.data.li, undefined);
    assert.equal(event?.data.attributes["Alc-LI-Action"], "disable");
  });

  const REFUSED: readonly [string, string, ...string[]][] = [
    ["an action without a destination", "Missing-Attribute", "Alc-LI-Action = enable"],
    ["an unknown service", "Invalid-Request", "Alc-LI-Action = enable", 'Alc-LI-Destination = "8888"'],
    [
      "an intercept id of 30 bits",
      "Invalid-Request",
      "Alc-LI-Action = enable",
      'Alc-LI-Destination = "9999"',
      "Alc-LI-Intercept-Id = 536870912",
    ],
    [
      "one forwarding class",
      "Unsupported-Attribute",
      "Alc-LI-Action = enable",
      'Alc-LI-Destination = "9999"',
      "Alc-LI-FC = ef",
    ],
  ];
  for (const [what, cause, ...attributes] of REFUSED) {
    it(`refuses ${what}: ${cause}`, async () => {
      const answer = await coa(...attributes);
      assert.deepEqual([answer.code, answer.attributes["Error-Cause"]], ["CoA-NAK", cause], answer.output);
    });
  }
});
