/**
 * The server beyond the edge, a program of its own: `server.js TCP-PORT UDP-PORT`.
 * TCP: a client sends `get BYTES SEED` or `put BYTES`, each with a line feed; `get` answers with pseudo-random bytes,
 * `put` takes BYTES and answers with their SHA-256. UDP: sends every datagram back, doubled as a DNS answer would be.
 */
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { createServer, type Socket } from "node:net";
import { Readable } from "node:stream";
import { pipeline } from "node:stream/promises";
import { pseudoRandom } from "./random.js";

const [tcpPort = 0, udpPort = 0] = process.argv.slice(2).map(Number);

async function serve(socket: Socket): Promise<void> {
  let request = Buffer.alloc(0);
  while (!request.includes(10)) {
    const more = socket.read() as Buffer | null;
    if (more !== null) request = Buffer.concat([request, more]);
    else await new Promise((resolve) => socket.once("readable", resolve));
  }
  const line = request.subarray(0, request.indexOf(10)).toString("utf8");
  const rest = request.subarray(request.indexOf(10) + 1);
  const [verb, bytes, seed = ""] = line.split(" ");
  if (verb === "get") await pipeline(Readable.from(pseudoRandom(Number(bytes), seed)), socket);
  else socket.end(await digestOf(socket, rest, Number(bytes)));
}

async function digestOf(socket: Socket, first: Buffer, bytes: number): Promise<string> {
  const hash = createHash("sha256").update(first);
  let left = bytes - first.length;
  while (left > 0) {
    const more = socket.read() as Buffer | null;
    if (more === null) await new Promise((resolve) => socket.once("readable", resolve));
    else {
      hash.update(more);
      left -= more.length;
    }
  }
  return hash.digest("hex");
}

createServer({ allowHalfOpen: true }, (socket) => {
  serve(socket).catch(() => socket.destroy());
}).listen({ port: tcpPort, host: "::" }, () => {
  for (const type of ["udp4", "udp6"] as const) {
    const udp = type === "udp6" ? createSocket({ type, ipv6Only: true }) : createSocket(type);
    udp.on("message", (message, { address, port }) => {
      udp.send(Buffer.concat([message, message]), port, address);
    });
    udp.bind(udpPort, () => process.stdout.write(`${type} ready\n`));
  }
});
