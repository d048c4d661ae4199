/** Asks a program of ours on this machine by its local socket. */
import { once } from "node:events";
import { connect, type Socket } from "node:net";
import { createInterface, type Interface } from "node:readline";

/** Why there is no answer, and what to do: one sentence. */
export class LocalClientError extends Error {
  override readonly name = "LocalClientError";
}

/** One connection, for as many requests as one likes, one after the other. */
export class LocalClient implements Disposable {
  readonly #lines: AsyncIterator<string>;
  readonly #interface: Interface;

  private constructor(
    private readonly socket: Socket,
    private readonly path: string,
  ) {
    this.#interface = createInterface({ input: socket, crlfDelay: Number.POSITIVE_INFINITY });
    socket.once("close", () => this.#interface.close());
    this.#lines = this.#interface[Symbol.asyncIterator]();
  }

  /** Throws LocalClientError. */
  static async connect(path: string): Promise<LocalClient> {
    const socket = connect(path);
    try {
      await once(socket, "connect");
    } catch (error) {
      throw new LocalClientError(describe((error as NodeJS.ErrnoException).code, path));
    }
    socket.on("error", () => socket.destroy());
    return new LocalClient(socket, path);
  }

  /** The answer, whose form the request says. Throws LocalClientError, also with the words of the other side. */
  async ask(request: object): Promise<object> {
    this.socket.write(`${JSON.stringify(request)}\n`);
    // A connection that breaks ends the lines, or fails them.
    const line = await this.#lines.next().catch(() => undefined);
    if (line === undefined || line.done === true)
      throw new LocalClientError(`nobody answers at ${this.path}: only root is answered there`);
    const answer = JSON.parse(line.value) as object;
    if ("error" in answer) throw new LocalClientError(String(answer.error));
    return answer;
  }

  [Symbol.dispose](): void {
    this.#interface.close();
    this.socket.destroy();
  }
}

function describe(code: string | undefined, path: string): string {
  if (code === "EACCES" || code === "EPERM") return `${path} is for root alone: run this as root, with sudo say`;
  if (code === "ENOENT" || code === "ECONNREFUSED")
    return `no agent listens on ${path}: start submirror agent, or name its configuration with --config`;
  return `${path} cannot be reached (${code ?? "unknown"})`;
}
