/**
 * Sends numbered datagrams, 1 and up, as far apart as CoA-Requests are: `datagrams.js ADDRESS PORT WARM-UP COUNT`. The first
 * WARM-UP of them follow one another at once, and nobody looks at them. Writes one JSON array: when each of the others was
 * sent, in nanoseconds since the epoch.
 */
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { setTimeout as sleep } from "node:timers/promises";
import { pause } from "./pause.js";
import { wallClockNs } from "./wall-clock.js";

/** As many as an event has. */
const BYTES = 500;
const WARM_UP_MS = 2;

const [address = "", port = "", warmUp = "", count = ""] = process.argv.slice(2);
const socket = createSocket("udp4");
socket.connect(Number(port), address);
await once(socket, "connect");

function send(number: number): void {
  const bytes = Buffer.alloc(BYTES);
  bytes.writeUInt32BE(number);
  socket.send(bytes);
}

let number = 0;
while (number < Number(warmUp)) {
  send(++number);
  await sleep(WARM_UP_MS);
}
const sent: number[] = [];
for (let more = 0; more < Number(count); more++) {
  await pause();
  sent.push(wallClockNs());
  send(++number);
}
await pause();
process.stdout.write(`${JSON.stringify(sent)}\n`);
socket.close();
