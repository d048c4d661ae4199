/** A NAS that does accounting for many sessions, and like a real one repeats each record until it is acknowledged. */
import { createSocket, type Socket } from "node:dgram";
import { encodeRequest, isResponseAuthentic } from "../../../src/radius/authenticator.js";
import { CODE, TYPE } from "../../../src/radius/codes.js";
import { decodePacket } from "../../../src/radius/packet.js";

export interface AccountingLoadOptions {
  readonly port: number;
  readonly secret: string;
  /** Each sends Start, Interim-Update and Stop, one after the other. */
  readonly sessions: number;
  /** Sessions at the same time; up to 256. */
  readonly concurrent: number;
  readonly retryMs: number;
  /** Sessions are `<prefix><number>`. */
  readonly prefix: string;
}

export interface AccountingLoad {
  /** Records acknowledged so far, `<session> <status>` each. */
  readonly acknowledged: ReadonlySet<string>;
  /** Resolves when every record is acknowledged. */
  readonly done: Promise<void>;
  stop(): void;
}

const STATUSES = [
  ["Start", 1],
  ["Interim-Update", 3],
  ["Stop", 2],
] as const;

export function startAccountingLoad(options: AccountingLoadOptions): AccountingLoad {
  const nas = new Nas(options);
  return { acknowledged: nas.acknowledged, done: nas.run(), stop: () => nas.stop() };
}

class Nas {
  readonly acknowledged = new Set<string>();
  readonly #socket: Socket = createSocket("udp4");
  readonly #waiting = new Map<number, (answer: Buffer) => void>();
  #next = 0;
  #stopped = false;

  constructor(private readonly options: AccountingLoadOptions) {
    // A gateway that restarts refuses for a moment; the record is repeated.
    this.#socket.on("error", () => undefined);
    this.#socket.on("message", (bytes) => {
      this.#waiting.get(bytes[1] as number)?.(bytes);
    });
  }

  async run(): Promise<void> {
    await Promise.all(Array.from({ length: this.options.concurrent }, (_, identifier) => this.#worker(identifier)));
    this.#socket.close();
  }

  stop(): void {
    this.#stopped = true;
  }

  /** One session after the other, on an identifier of its own. */
  async #worker(identifier: number): Promise<void> {
    while (!this.#stopped && this.#next < this.options.sessions) {
      const session = `${this.options.prefix}${this.#next++}`;
      for (const [name, status] of STATUSES) {
        await this.#record(identifier, session, status);
        if (this.#stopped) return;
        this.acknowledged.add(`${session} ${name}`);
      }
    }
  }

  async #record(identifier: number, session: string, status: number): Promise<void> {
    const request = this.#request(identifier, session, status);
    let answered = false;
    while (!answered && !this.#stopped) {
      this.#socket.send(request, this.options.port, "127.0.0.1", () => undefined);
      answered = await this.#answer(identifier, request);
    }
  }

  /** An answer to an earlier record that came late, or twice, is none to this one. */
  #answer(identifier: number, request: Buffer): Promise<boolean> {
    return new Promise((resolve) => {
      const timer = setTimeout(() => resolve(false), this.options.retryMs);
      this.#waiting.set(identifier, (bytes) => {
        const secret = Buffer.from(this.options.secret);
        if (!isResponseAuthentic(decodePacket(bytes), secret, request.subarray(4, 20))) return;
        clearTimeout(timer);
        resolve(true);
      });
    });
  }

  #request(identifier: number, session: string, status: number): Buffer {
    const attributes = [
      { type: TYPE.acctStatusType, value: number(status) },
      { type: TYPE.acctSessionId, value: Buffer.from(session) },
      { type: TYPE.userName, value: Buffer.from(`user-${session}`) },
      { type: TYPE.nasIdentifier, value: Buffer.from("bng1") },
      { type: TYPE.eventTimestamp, value: number(Math.floor(Date.now() / 1000)) },
    ];
    const packet = { code: CODE.accountingRequest, identifier, attributes };
    return encodeRequest(packet, Buffer.from(this.options.secret), undefined, { messageAuthenticator: false });
  }
}

function number(value: number): Buffer {
  const bytes = Buffer.alloc(4);
  bytes.writeUInt32BE(value);
  return bytes;
}
