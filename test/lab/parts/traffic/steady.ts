/**
 * A steady stream of small datagrams, each with a number: `steady.js ADDRESS PORT PER-SECOND`, until SIGTERM. What the
 * clock let slip is made up for.
 */
import { createSocket } from "node:dgram";
import { isIP } from "node:net";

const [address = "", port = "", perSecond = ""] = process.argv.slice(2);
const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
const began = performance.now();
let sent = 0;

function send(): void {
  const due = ((performance.now() - began) * Number(perSecond)) / 1000;
  for (; sent < due; sent++) {
    const datagram = Buffer.alloc(8);
    datagram.writeUInt32BE(sent, 4);
    socket.send(datagram, Number(port), address);
  }
}

const timer = setInterval(send, 1);
process.on("SIGTERM", () => {
  clearInterval(timer);
  process.stdout.write(`${sent}\n`);
  // The last ones may still be on their way out.
  setTimeout(() => socket.close(), 50);
});
process.stdout.write("ready\n");
