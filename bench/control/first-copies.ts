/**
 * A mediation device that notes when the first copy of each intercept came: `first-copies.js ADDRESS PORT`, until SIGTERM.
 * Writes "ready", and at the end a JSON object: by intercept id, nanoseconds of the monotonic clock.
 */
import { createSocket } from "node:dgram";

const [address = "", port = ""] = process.argv.slice(2);
const first: Record<number, number> = {};
const socket = createSocket({ type: "udp4", recvBufferSize: 16 * 1024 * 1024 });
socket.on("message", (bytes) => {
  first[bytes.readUInt32BE(0) & 0x3fff_ffff] ??= Number(process.hrtime.bigint());
});
socket.bind(Number(port), address, () => process.stdout.write("ready\n"));
process.on("SIGTERM", () => {
  process.stdout.write(`${JSON.stringify(first)}\n`);
  socket.close();
});
