/**
 * The subscriber's programs: `client.js get ADDRESS PORT BYTES SEED`, `put ADDRESS PORT BYTES SEED`,
 * `ask ADDRESS PORT COUNT BYTES` (datagrams, each answered before the next). Prints one JSON object; exit 1 when what
 * came is not what was asked for.
 */
import { createHash } from "node:crypto";
import { createSocket } from "node:dgram";
import { once } from "node:events";
import { connect, isIP, type Socket } from "node:net";
import { Readable } from "node:stream";
import { pseudoRandom, pseudoRandomDigest } from "./random.js";

const [verb, address = "", port = "", first = "", second = ""] = process.argv.slice(2);
const ANSWER_MS = 5000;

type Answer = Readonly<Record<string, unknown>> & { readonly ok: boolean };

async function received(socket: Socket): Promise<{ bytes: number; sha256: string; body: Buffer[] }> {
  const hash = createHash("sha256");
  const body: Buffer[] = [];
  let bytes = 0;
  for await (const piece of socket as AsyncIterable<Buffer>) {
    hash.update(piece);
    bytes += piece.length;
    if (bytes <= 1024) body.push(piece);
  }
  return { bytes, sha256: hash.digest("hex"), body };
}

async function get(): Promise<Answer> {
  const socket = connect(Number(port), address);
  socket.write(`get ${first} ${second}\n`);
  const { bytes, sha256 } = await received(socket);
  return { ok: bytes === Number(first) && sha256 === pseudoRandomDigest(Number(first), second), bytes, sha256 };
}

async function put(): Promise<Answer> {
  const socket = connect(Number(port), address);
  socket.write(`put ${first}\n`);
  Readable.from(pseudoRandom(Number(first), second)).pipe(socket);
  const answer = Buffer.concat((await received(socket)).body).toString("utf8");
  return { ok: answer === pseudoRandomDigest(Number(first), second), bytes: Number(first), sha256: answer };
}

async function ask(): Promise<Answer> {
  const socket = createSocket(isIP(address) === 6 ? "udp6" : "udp4");
  let answered = 0;
  for (let i = 0; i < Number(first); i++) {
    const question = [...pseudoRandom(Number(second), `question ${i}`)][0] ?? Buffer.alloc(0);
    const answer = once(socket, "message", { signal: AbortSignal.timeout(ANSWER_MS) });
    socket.send(question, Number(port), address);
    const [message] = (await answer) as [Buffer];
    if (message.equals(Buffer.concat([question, question]))) answered++;
  }
  socket.close();
  return { ok: answered === Number(first), asked: Number(first), answered };
}

const result = await { get, put, ask }[verb as "get" | "put" | "ask"]();
process.stdout.write(`${JSON.stringify(result)}\n`);
process.exitCode = result.ok ? 0 : 1;
