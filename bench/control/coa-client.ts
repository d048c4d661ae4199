/**
 * Starts and stops mirroring of one session, over and over: `coa-client.js ADDRESS SECRET NAS ACCT-SESSION-ID MEDIATION PORT
 * COUNT`. Each start has an intercept id of its own, 1 and up. Writes one JSON array: of each start, when it was sent and
 * when the CoA-ACK came, in nanoseconds of the monotonic clock.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { encodeRequest, ZERO_AUTHENTICATOR } from "../../src/radius/authenticator.js";
import { CODE, TYPE } from "../../src/radius/codes.js";
import { hideSalted } from "../../src/radius/hiding.js";
import type { Attribute } from "../../src/radius/packet.js";
import { vendorValue } from "../../src/radius/vendor.js";

const JUNIPER = 4874;
const [ON, OFF] = [1, 0];
/** Longer than a busy machine keeps the sender of the subscriber's packets waiting; random, so that nothing keeps step with them. */
const PAUSE_MS = { least: 50, more: 20 };

const [address = "", secretText = "", nas = "", sessionId = "", mediation = "", port = "", count = ""] =
  process.argv.slice(2);
const secret = Buffer.from(secretText);
const socket = createSocket("udp4");
socket.connect(3799, address);
await once(socket, "connect");
let identifier = 0;
let salt = 0x8000;

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}

function request(intercept: number, action: number): Buffer {
  const li = (type: number, value: Buffer): Attribute => {
    salt = 0x8000 | ((salt + 1) & 0x7fff);
    const hidden = hideSalted(value, { secret, authenticator: ZERO_AUTHENTICATOR }, salt);
    return { type: TYPE.vendorSpecific, value: vendorValue(JUNIPER, type, hidden) };
  };
  const attributes = [
    { type: TYPE.acctSessionId, value: Buffer.from(sessionId) },
    { type: TYPE.nasIdentifier, value: Buffer.from(nas) },
    li(58, number(action)),
    li(59, Buffer.concat([number(intercept), number(intercept)])),
    li(60, Buffer.from(mediation.split(".").map(Number))),
    li(61, number(Number(port))),
  ];
  identifier = (identifier + 1) & 255;
  return encodeRequest({ code: CODE.coaRequest, identifier, attributes }, secret);
}

async function ask(intercept: number, action: number): Promise<{ readonly sent: number; readonly answered: number }> {
  const bytes = request(intercept, action);
  const answer = once(socket, "message") as Promise<[Buffer]>;
  const sent = Number(process.hrtime.bigint());
  socket.send(bytes);
  const [reply] = await answer;
  const answered = Number(process.hrtime.bigint());
  if (reply[0] !== CODE.coaAck) throw new Error(`the gateway refused a CoA-Request with code ${reply[0]}`);
  return { sent, answered };
}

const starts = [];
for (let intercept = 1; intercept <= Number(count); intercept++) {
  starts.push(await ask(intercept, ON));
  await sleep(PAUSE_MS.least + Math.random() * PAUSE_MS.more);
  await ask(intercept, OFF);
  await sleep(PAUSE_MS.least + Math.random() * PAUSE_MS.more);
}
process.stdout.write(`${JSON.stringify(starts)}\n`);
socket.close();
