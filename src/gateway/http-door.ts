/**
 * Events from a FreeRADIUS that needs no gateway in front of it: its rlm_rest posts what it accepted and what was accounted.
 * On loopback alone, with a password: what comes in here can start mirroring.
 */
import { createHash, timingSafeEqual } from "node:crypto";
import { createServer, type IncomingMessage, type Server, type ServerResponse } from "node:http";
import type { AddressInfo } from "node:net";
import { nasToken } from "../events/subjects.js";
import type { RadiusAttributes, RadiusEventType } from "../events/types.js";
import type { Dictionary } from "../radius/dictionary.js";
import type { AccountingIds } from "./accounting-id.js";
import { makeEvent } from "./events.js";
import { HttpBodyError, readPosted } from "./http-attributes.js";
import type { Login } from "./login.js";
import type { GatewayMetrics, RequestResult } from "./metrics.js";
import type { Clock } from "./ports.js";
import type { Publisher } from "./publisher.js";

export interface HttpDoorOptions {
  readonly username: string;
  readonly password: string;
  readonly login: Login;
  readonly publisher: Publisher;
  readonly dictionary: Dictionary;
  readonly ids: AccountingIds;
  readonly clock: Clock;
  readonly metrics: GatewayMetrics;
  readonly fallbackNas: string | undefined;
}

const MAX_BODY_BYTES = 65_536;
const REQUEST_MS = 10_000;
const MAX_CONNECTIONS = 512;

const ACCOUNTING_TYPES: ReadonlyMap<string, RadiusEventType> = new Map([
  ["Start", "accounting-start"],
  ["Interim-Update", "accounting-interim"],
  ["Stop", "accounting-stop"],
  ["Accounting-On", "accounting-on"],
  ["Accounting-Off", "accounting-off"],
]);

interface Answer {
  readonly status: number;
  readonly result: RequestResult<"http">;
  /** Names no subject. */
  readonly problem?: string;
}

const STORED: Answer = { status: 204, result: "stored" };
const NOT_STORED: Answer = { status: 503, result: "not_stored", problem: "the event could not be stored" };

export class HttpDoor {
  readonly #server: Server;
  readonly #credentials: Buffer;

  constructor(private readonly options: HttpDoorOptions) {
    const { username, password } = options;
    this.#credentials = digest(`Basic ${Buffer.from(`${username}:${password}`).toString("base64")}`);
    this.#server = createServer(
      { requestTimeout: REQUEST_MS },
      (request, response) => void this.#serve(request, response),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
  }

  /** Resolves with the port. */
  listen(address: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen(port, address, () => {
        this.#server.off("error", reject);
        resolve((this.#server.address() as AddressInfo).port);
      });
    });
  }

  close(): Promise<void> {
    this.#server.closeAllConnections();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  async #serve(request: IncomingMessage, response: ServerResponse): Promise<void> {
    const { status, result, problem } = await this.#answer(request);
    this.options.metrics.request("http", result);
    const body = problem === undefined ? "" : `${JSON.stringify({ error: problem })}\n`;
    response.writeHead(status, problem === undefined ? {} : { "content-type": "application/json" }).end(body);
  }

  async #answer(request: IncomingMessage): Promise<Answer> {
    if (!timingSafeEqual(digest(request.headers.authorization ?? ""), this.#credentials)) {
      request.resume();
      return { status: 401, result: "unauthorized", problem: "wrong user name or password" };
    }
    try {
      if (request.method !== "POST") throw new HttpBodyError("only POST is served");
      const text = await bodyOf(request);
      if (request.url === "/v1/access-accept") return await this.#accepted(text);
      if (request.url === "/v1/accounting") return await this.#accounted(text);
      throw new HttpBodyError("the path is neither /v1/access-accept nor /v1/accounting");
    } catch (error) {
      if (!(error instanceof HttpBodyError)) throw error;
      return { status: 400, result: "refused", problem: error.message };
    }
  }

  /** Answers when the Accept may go to the NAS. */
  async #accepted(text: string): Promise<Answer> {
    const { attributes, li } = readPosted(text, this.options.dictionary);
    const stored = await this.options.login.announce(this.#nas(attributes), attributes, () => li);
    return stored ? STORED : NOT_STORED;
  }

  async #accounted(text: string): Promise<Answer> {
    const { attributes } = readPosted(text, this.options.dictionary);
    const status = attributes["Acct-Status-Type"];
    if (typeof status !== "string") throw new HttpBodyError("Acct-Status-Type is missing");
    const type = ACCOUNTING_TYPES.get(status);
    // Tunnel records and the like say nothing of a session.
    if (type === undefined) return STORED;
    const { publisher, clock, ids } = this.options;
    const now = clock.now();
    const nas = this.#nas(attributes);
    const id = ids.ofAttributes(attributes, nas, now);
    return (await publisher.store(makeEvent({ id, now, type, nas, attributes }))) ? STORED : NOT_STORED;
  }

  #nas(attributes: RadiusAttributes): string {
    const named = ["NAS-Identifier", "NAS-IP-Address", "NAS-IPv6-Address"]
      .map((name) => attributes[name])
      .find((value) => typeof value === "string" && value !== "");
    const nas = typeof named === "string" ? named : this.options.fallbackNas;
    if (nas === undefined) throw new HttpBodyError("NAS-Identifier is missing, and radius.nas names no other");
    return nasToken(nas);
  }
}

/** Equal lengths, for the comparison. */
function digest(text: string): Buffer {
  return createHash("sha256").update(text).digest();
}

async function bodyOf(request: IncomingMessage): Promise<string> {
  const chunks: Buffer[] = [];
  let length = 0;
  try {
    for await (const chunk of request as AsyncIterable<Buffer>) {
      length += chunk.length;
      if (length > MAX_BODY_BYTES) throw new HttpBodyError(`the body is above ${MAX_BODY_BYTES} bytes`);
      chunks.push(chunk);
    }
  } catch (error) {
    if (error instanceof HttpBodyError) throw error;
    throw new HttpBodyError("the body did not arrive");
  }
  return Buffer.concat(chunks).toString("utf8");
}
