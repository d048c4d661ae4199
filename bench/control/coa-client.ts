/**
 * Starts and stops mirroring of one session, over and over: `coa-client.js ADDRESS SECRET NAS ACCT-SESSION-ID MEDIATION PORT
 * FIRST WARM-UP COUNT`. FIRST starts of programs that have just begun, then WARM-UP starts in a row that nobody looks at,
 * then COUNT starts more. Each start has an intercept id of its own, 1 and up. Writes one JSON array: of each start that is
 * looked at, its intercept id, when it was sent and when the CoA-ACK came, in nanoseconds since the epoch.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { encodeRequest, ZERO_AUTHENTICATOR } from "../../src/radius/authenticator.js";
import { CODE, TYPE } from "../../src/radius/codes.js";
import { hideSalted } from "../../src/radius/hiding.js";
import type { Attribute } from "../../src/radius/packet.js";
import { vendorValue } from "../../src/radius/vendor.js";
import { pause } from "./pause.js";
import { wallClockNs } from "./wall-clock.js";

const JUNIPER = 4874;
const [ON, OFF] = [1, 0];

const [address = "", secretText = "", nas = "", sessionId = "", mediation = "", port = "", ...counts] =
  process.argv.slice(2);
const [first = 0, warmUp = 0, count = 0] = counts.map(Number);
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
  const sent = wallClockNs();
  socket.send(bytes);
  const [reply] = await answer;
  const answered = wallClockNs();
  if (reply[0] !== CODE.coaAck) throw new Error(`the gateway refused a CoA-Request with code ${reply[0]}`);
  return { sent, answered };
}

const starts: object[] = [];
let intercept = 0;

async function startAndStop(): Promise<void> {
  intercept++;
  starts.push({ intercept, ...(await ask(intercept, ON)) });
  await pause();
  await ask(intercept, OFF);
  await pause();
}

for (let number = 0; number < first; number++) await startAndStop();
// Each takes the place of the one before: a stop is answered late, since another agent might know the session.
for (let number = 0; number < warmUp; number++) await ask(++intercept, ON);
if (warmUp > 0) await ask(intercept, OFF);
for (let number = 0; number < count; number++) await startAndStop();
process.stdout.write(`${JSON.stringify(starts)}\n`);
socket.close();
