/** A load of logins: every request is new, made before the clock starts, and its answer is checked by code and identifier. */
import { randomBytes } from "node:crypto";
import { createSocket, type Socket } from "node:dgram";
import { encodeRequest } from "../../../src/radius/authenticator.js";
import { CODE, TYPE } from "../../../src/radius/codes.js";
import { hidePassword } from "../../../src/radius/hiding.js";

export interface LoadOptions {
  readonly port: number;
  readonly secret: string;
  readonly requests: number;
  /** Requests a second; undefined sends the next as soon as one of `outstanding` is answered. */
  readonly rate?: number;
  /** Requests under way at most. */
  readonly outstanding: number;
  /** Users are `user0` and up, this many, with the password `secret`. */
  readonly users: number;
}

export interface LoadResult {
  readonly accepted: number;
  readonly other: number;
  readonly lost: number;
  readonly seconds: number;
  /** Milliseconds from sending to the answer, sorted. */
  readonly latencies: readonly number[];
}

const IDENTIFIERS = 256;
const LOST_AFTER_MS = 5000;

function text(type: number, value: string) {
  return { type, value: Buffer.from(value) };
}

function requestFor(index: number, options: LoadOptions): Buffer {
  const authenticator = randomBytes(16);
  const secret = Buffer.from(options.secret);
  const attributes = [
    text(TYPE.userName, `user${index % options.users}`),
    { type: TYPE.userPassword, value: hidePassword(Buffer.from("secret"), { secret, authenticator }) },
    text(TYPE.nasIdentifier, "bng1"),
    text(TYPE.callingStationId, `line-${index % options.users}`),
    text(TYPE.nasPortId, `ge-0/0/0.${index % 4096}`),
  ];
  return encodeRequest({ code: CODE.accessRequest, identifier: 0, attributes }, secret, authenticator);
}

/** Message-Authenticator covers the identifier, so that requests are made for the one they will be sent with. */
function prepared(options: LoadOptions, sockets: number): Buffer[][] {
  const secret = Buffer.from(options.secret);
  const queues: Buffer[][] = Array.from({ length: sockets * IDENTIFIERS }, () => []);
  for (let index = 0; index < options.requests; index++) {
    const slot = index % queues.length;
    const made = requestFor(index, options);
    const authenticator = Buffer.from(made.subarray(4, 20));
    const attributes = [];
    for (let at = 38; at < made.length; at += made[at + 1] as number) {
      attributes.push({ type: made[at] as number, value: made.subarray(at + 2, at + (made[at + 1] as number)) });
    }
    const request = { code: CODE.accessRequest, identifier: slot % IDENTIFIERS, attributes };
    (queues[slot] as Buffer[]).push(encodeRequest(request, secret, authenticator));
  }
  return queues;
}

export async function load(options: LoadOptions): Promise<LoadResult> {
  const socketCount = Math.ceil(options.outstanding / IDENTIFIERS) + 1;
  const queues = prepared(options, socketCount);
  const sockets = await Promise.all(Array.from({ length: socketCount }, () => connected(options.port)));
  const run = new Run(options, queues, sockets);
  try {
    return await run.finished();
  } finally {
    await Promise.all(sockets.map((socket) => new Promise<void>((resolve) => socket.close(() => resolve()))));
  }
}

function connected(port: number): Promise<Socket> {
  const socket = createSocket({ type: "udp4", recvBufferSize: 4 * 1024 * 1024 });
  socket.on("error", () => undefined);
  return new Promise((resolve) => socket.connect(port, "127.0.0.1", () => resolve(socket)));
}

class Run {
  readonly #sentAt = new Map<number, number>();
  readonly #latencies: number[] = [];
  readonly #ready: number[];
  #sent = 0;
  #accepted = 0;
  #other = 0;
  #started = 0;

  constructor(
    private readonly options: LoadOptions,
    private readonly queues: Buffer[][],
    private readonly sockets: readonly Socket[],
  ) {
    this.#ready = queues.map((_, slot) => slot);
    for (const [index, socket] of sockets.entries()) socket.on("message", (bytes) => this.#answer(index, bytes));
  }

  async finished(): Promise<LoadResult> {
    this.#started = performance.now();
    let last = { answered: 0, at: this.#started };
    while (this.#answered < this.options.requests) {
      this.#fill();
      await new Promise((resolve) => setTimeout(resolve, 1));
      if (this.#answered > last.answered) last = { answered: this.#answered, at: performance.now() };
      else if (performance.now() - last.at > LOST_AFTER_MS) break;
    }
    return {
      accepted: this.#accepted,
      other: this.#other,
      lost: this.options.requests - this.#answered,
      seconds: (last.at - this.#started) / 1000,
      latencies: this.#latencies.toSorted((one, other) => one - other),
    };
  }

  get #answered(): number {
    return this.#accepted + this.#other;
  }

  /** As many as the rate, the limit of requests under way, and free identifiers allow. */
  #fill(): void {
    const { rate, requests, outstanding } = this.options;
    const due = rate === undefined ? requests : Math.min(requests, ((performance.now() - this.#started) / 1000) * rate);
    while (this.#sent < due && this.#sentAt.size < outstanding) {
      const slot = this.#ready.shift();
      if (slot === undefined) return;
      const request = this.queues[slot]?.pop();
      if (request === undefined) continue;
      this.#sent++;
      this.#sentAt.set(slot, performance.now());
      this.sockets[Math.floor(slot / IDENTIFIERS)]?.send(request);
    }
  }

  #answer(socket: number, bytes: Buffer): void {
    const slot = socket * IDENTIFIERS + (bytes[1] as number);
    const sentAt = this.#sentAt.get(slot);
    if (sentAt === undefined) return;
    this.#sentAt.delete(slot);
    this.#ready.push(slot);
    this.#latencies.push(performance.now() - sentAt);
    if (bytes[0] === CODE.accessAccept) this.#accepted++;
    else this.#other++;
    if (this.options.rate === undefined) this.#fill();
  }
}

/** The value below which `share` of the sorted values lie. */
export function quantile(sorted: readonly number[], share: number): number {
  return sorted[Math.min(sorted.length - 1, Math.floor(sorted.length * share))] ?? Number.NaN;
}
