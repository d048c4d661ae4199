/**
 * A local socket for root, and for whoever the program runs as: its file is theirs, and who connects is looked at, too.
 * One JSON request a line, one line of JSON for an answer; as many as one likes over one connection, one after the other.
 */
import { once } from "node:events";
import { lstatSync, mkdirSync, rmSync, statSync } from "node:fs";
import { createServer, type Server, type Socket } from "node:net";
import { dirname } from "node:path";
import { createInterface } from "node:readline";
import { isListening } from "../../net/listening.js";
import { peerCredentials } from "./peer.js";

export interface LocalServerOptions {
  /** At most 107 bytes (unix(7)). */
  readonly path: string;
  /** The answer to a request, as JSON takes it. Throws LocalRequestError where the request is none. */
  readonly answer: (request: unknown) => Promise<unknown>;
  /** Somebody else has tried; his user id, where it is known. */
  readonly onStranger: (uid: number | undefined) => void;
  /** An answer failed: a fault of ours. */
  readonly onFault: (error: unknown) => void;
}

/** A request that is not understood: one sentence, which goes back as `{"error": ...}`. */
export class LocalRequestError extends Error {
  override readonly name = "LocalRequestError";
}

/** No request is longer. */
const MAX_REQUEST_BYTES = 4096;
/** Of root's tools; who has that many open has forgotten to close them. */
const MAX_CONNECTIONS = 32;
const GROUP_OR_OTHERS_WRITE = 0o022;
const STICKY = 0o1000;

export class LocalServer {
  readonly #sockets = new Set<Socket>();

  private constructor(
    private readonly server: Server,
    private readonly options: LocalServerOptions,
  ) {}

  /** Listens. Throws an Error that says in one sentence what is in the way. */
  static async listen(options: LocalServerOptions): Promise<LocalServer> {
    const { path } = options;
    makeDirectory(dirname(path));
    await removeLeftover(path);
    const server = createServer((socket) => local.#take(socket));
    const local = new LocalServer(server, options);
    server.maxConnections = MAX_CONNECTIONS;
    const listening = once(server, "listening");
    // The file is made within this call, and belongs to nobody else from its first moment on.
    const mask = process.umask(0o177);
    try {
      server.listen(path);
    } finally {
      process.umask(mask);
    }
    await listening;
    // It must keep no program alive that has nothing else to do.
    server.unref();
    return local;
  }

  /** Takes the file away and hangs up. */
  async close(): Promise<void> {
    if (!this.server.listening) return;
    const closed = once(this.server, "close");
    this.server.close();
    for (const socket of this.#sockets) socket.destroy();
    await closed;
  }

  #take(socket: Socket): void {
    const uid = peerCredentials(socket)?.uid;
    // Whatever the other side does to the connection is its own affair.
    socket.on("error", () => socket.destroy());
    if (uid === undefined || (uid !== 0 && uid !== process.geteuid?.())) {
      socket.destroy();
      this.options.onStranger(uid);
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    // What fails there is the connection: answers have their own handling.
    void this.#serve(socket).catch(() => socket.destroy());
  }

  async #serve(socket: Socket): Promise<void> {
    let unanswered = 0;
    socket.on("data", (bytes: Buffer) => {
      const end = bytes.lastIndexOf(0x0a);
      unanswered = end < 0 ? unanswered + bytes.length : bytes.length - end;
      if (unanswered > MAX_REQUEST_BYTES) socket.destroy();
    });
    const lines = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
    // Who hangs up in the middle of something ends nothing by itself.
    socket.once("close", () => lines.close());
    for await (const line of lines) {
      if (socket.destroyed) return;
      const answer = await this.#answer(line);
      // Who does not read gets nothing more.
      if (!socket.write(`${JSON.stringify(answer)}\n`)) await drained(socket);
    }
    socket.end();
  }

  async #answer(line: string): Promise<unknown> {
    try {
      return await this.options.answer(parse(line));
    } catch (error) {
      if (error instanceof LocalRequestError) return { error: error.message };
      this.options.onFault(error);
      return { error: "the answer could not be made: see the log of the program" };
    }
  }
}

function parse(line: string): unknown {
  try {
    return JSON.parse(line);
  } catch {
    throw new LocalRequestError('a request is one line of JSON, such as {"get":"status"}');
  }
}

function drained(socket: Socket): Promise<unknown> {
  return Promise.race([once(socket, "drain"), once(socket, "close")]).catch(() => undefined);
}

/** Somebody who may write there could put a socket of his own in the place of ours. */
function makeDirectory(path: string): void {
  mkdirSync(path, { recursive: true, mode: 0o700 });
  const { mode } = statSync(path);
  if ((mode & GROUP_OR_OTHERS_WRITE) !== 0 && (mode & STICKY) === 0)
    throw new Error(`others may write to ${path}: take that from them (chmod go-w), or choose another directory`);
}

/** Takes away the file that a killed program has left behind. Throws where it is somebody's still. */
async function removeLeftover(path: string): Promise<void> {
  const found = lstatSync(path, { throwIfNoEntry: false });
  if (found === undefined) return;
  if (!found.isSocket()) throw new Error(`${path} is there and is no socket: move it away, or choose another path`);
  if (await isListening({ path }))
    throw new Error(`another program listens on ${path}: choose another path for one of them`);
  rmSync(path, { force: true });
}
