/**
 * A mediation device that notes when the first copy of each intercept came: `first-copies.js ADDRESS PORT`, until SIGTERM.
 * Writes "ready", and at the end a JSON object: by intercept id, nanoseconds since the epoch, as the kernel received it. It
 * looks every now and then alone: what it does is no edge node's work, and takes nothing from those that are measured.
 */
import { BatchSocket } from "../../src/mediation/batch-socket.js";

const RECEIVE_BUFFER_BYTES = 16 * 1024 * 1024;
const LOOK_EVERY_MS = 100;

const [address = "", port = ""] = process.argv.slice(2);
const first: Record<number, number> = {};
const socket = new BatchSocket(address, Number(port), RECEIVE_BUFFER_BYTES);

function look(): void {
  let received: number;
  do {
    received = socket.receive((bytes, _source, timeNs) => {
      first[bytes.readUInt32BE(0) & 0x3fff_ffff] ??= Number(timeNs);
    });
  } while (received > 0);
}

const timer = setInterval(look, LOOK_EVERY_MS);
process.on("SIGTERM", () => {
  clearInterval(timer);
  look();
  process.stdout.write(`${JSON.stringify(first)}\n`);
  socket.close();
});
process.stdout.write("ready\n");
