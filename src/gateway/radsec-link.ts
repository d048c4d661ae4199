/** RADIUS over TLS towards an upstream server: RFC 6614. */
import { connect, type TLSSocket } from "node:tls";
import { RadiusError } from "../radius/errors.js";
import { PacketSplitter } from "../radius/framing.js";
import type { Link } from "./channel.js";
import type { TlsIdentity } from "./tls-files.js";

export interface RadsecTarget {
  readonly address: string;
  readonly port: number;
  /** The name that the server's certificate must have. */
  readonly serverName: string;
  readonly tls: TlsIdentity;
}

/** Packets that wait while the connection is made. */
const MAX_EARLY = 256;
const CONNECT_MS = 5000;
const KEEP_ALIVE_MS = 30_000;

/** Connects when there is something to send, and again after the connection was lost. */
export class RadsecLink implements Link {
  #socket: TLSSocket | undefined;
  #early: Buffer[] = [];
  #isOpen = false;
  #epoch = 0;

  constructor(
    private readonly target: RadsecTarget,
    private readonly receive: (bytes: Buffer) => void,
    private readonly broken: () => void,
  ) {}

  /** Changes when the connection is lost or made: what was sent before that may be sent again, nothing else (RFC 6613 section 2.6.1). */
  get epoch(): number {
    return this.#epoch;
  }

  send(bytes: Buffer): void {
    this.#socket ??= this.#connect();
    if (this.#isOpen) this.#socket.write(bytes);
    else if (this.#early.length < MAX_EARLY) this.#early.push(bytes);
  }

  close(): Promise<void> {
    this.#socket?.destroy();
    this.#socket = undefined;
    return Promise.resolve();
  }

  #connect(): TLSSocket {
    const { address: host, port, serverName: servername, tls } = this.target;
    this.#epoch++;
    const splitter = new PacketSplitter();
    const socket = connect({ host, port, servername, secureContext: tls.context });
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    socket.setTimeout(CONNECT_MS, () => {
      if (!this.#isOpen) socket.destroy();
    });
    socket.once("secureConnect", () => this.#opened(socket));
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const bytes of splitter.push(chunk)) this.receive(bytes);
      } catch (error) {
        if (!(error instanceof RadiusError)) throw error;
        socket.destroy();
      }
    });
    socket.on("error", () => undefined);
    socket.once("close", () => this.#lost(socket));
    return socket;
  }

  #opened(socket: TLSSocket): void {
    this.#isOpen = true;
    for (const bytes of this.#early) socket.write(bytes);
    this.#early = [];
  }

  #lost(socket: TLSSocket): void {
    if (this.#socket !== socket) return;
    this.#socket = undefined;
    this.#isOpen = false;
    this.#early = [];
    this.#epoch++;
    this.broken();
  }
}
