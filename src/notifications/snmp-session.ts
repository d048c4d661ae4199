/** SNMPv3 with authentication and privacy to one receiver: sends a notification once, and tells whether it was lost. */
import { createSocket, type Socket } from "node:dgram";
import { isIPv6 } from "node:net";
import { setTimeout as delay } from "node:timers/promises";
import type { Session } from "net-snmp";
import snmp from "net-snmp";
import type { SnmpEngine } from "./engine.js";
import type { SnmpNotification } from "./varbinds.js";

export interface SnmpReceiverOptions {
  /** IP address. */
  readonly address: string;
  readonly port: number;
  readonly user: string;
  readonly authProtocol: "sha" | "sha224" | "sha256" | "sha384" | "sha512";
  readonly authPassphrase: string;
  readonly privProtocol: "aes" | "aes256b" | "aes256r";
  readonly privPassphrase: string;
  /** An inform is acknowledged by the receiver; a trap is not. */
  readonly kind: "trap" | "inform";
}

export interface SnmpChannel {
  /** Sends all of them. Resolves when they have arrived as far as that can be known; rejects when they have not. */
  send(notifications: readonly SnmpNotification[]): Promise<void>;
  close(): void;
}

/** Within this time the network says that nobody listens there. */
const TRAP_GRACE_MS = 100;
const INFORM_TIMEOUT_MS = 2000;

export class SnmpSession implements SnmpChannel {
  readonly #session: Session;
  #failure: Error | undefined;
  #connecting: Promise<void> | undefined;

  constructor(
    private readonly options: SnmpReceiverOptions,
    private readonly engine: SnmpEngine,
  ) {
    const { address, port, user, authProtocol, authPassphrase, privProtocol, privPassphrase } = options;
    this.#session = snmp.createV3Session(
      address,
      {
        name: user,
        level: snmp.SecurityLevel.authPriv,
        authProtocol: snmp.AuthProtocols[authProtocol],
        authKey: authPassphrase,
        privProtocol: snmp.PrivProtocols[privProtocol],
        privKey: privPassphrase,
      },
      {
        version: snmp.Version3,
        transport: isIPv6(address) ? "udp6" : "udp4",
        trapPort: port,
        engineID: engine.id,
        retries: 0,
        timeout: INFORM_TIMEOUT_MS,
        dgramModule: { createSocket: (type) => this.#connected(createSocket(type)) },
      },
    );
    this.#session.on("error", (error) => this.#fail(error));
    if (options.kind === "trap") this.#stampTraps();
  }

  async send(notifications: readonly SnmpNotification[]): Promise<void> {
    this.#failure = undefined;
    await Promise.all(notifications.map((notification) => this.#sendOne(notification)));
    if (this.options.kind === "trap") await delay(TRAP_GRACE_MS);
    if (this.#failure !== undefined) throw this.#failure;
  }

  close(): void {
    this.#session.close();
  }

  #sendOne({ oid, varbinds }: SnmpNotification): Promise<void> {
    const upTime = this.engine.time() * 100;
    return new Promise((resolve, reject) => {
      const done = (error: Error | null): void => (error === null ? resolve() : reject(error));
      if (this.options.kind === "trap") this.#session.trap(oid, varbinds, { upTime }, done);
      else this.#session.inform(oid, varbinds, { upTime }, done);
    });
  }

  /** The sender of a trap is its authoritative engine (RFC 3414 section 1.5.1), whose time has to go on; net-snmp sends 0. */
  #stampTraps(): void {
    const send = this.#session.send.bind(this.#session);
    this.#session.send = (request, noWait) => {
      const parameters = request.message.msgSecurityParameters;
      parameters.msgAuthoritativeEngineBoots = this.engine.boots;
      parameters.msgAuthoritativeEngineTime = this.engine.time();
      send(request, noWait);
    };
  }

  /** A socket that talks to the receiver alone hears when nobody listens there. */
  #connected(socket: Socket): Socket {
    const send = socket.send.bind(socket) as (...parameters: unknown[]) => void;
    // As net-snmp calls it: bytes, offset, length, port, address, callback.
    socket.send = (...[bytes, offset, length, _port, _address, done]: unknown[]) => {
      const attempt = async (): Promise<void> => {
        try {
          await this.#connect(socket);
          send(bytes, offset, length, done);
        } catch (error) {
          (done as (error: unknown) => void)(error);
        }
      };
      void attempt();
    };
    socket.on("error", (error) => this.#fail(error));
    return socket;
  }

  #connect(socket: Socket): Promise<void> {
    const { address, port } = this.options;
    this.#connecting ??= new Promise<void>((resolve, reject) => {
      // Called with an error where there is no way to the receiver; the types do not say so.
      const connected = (error?: Error): void => (error === undefined ? resolve() : reject(error));
      socket.connect(port, address, connected);
    }).catch((error: unknown) => {
      this.#connecting = undefined;
      throw error;
    });
    return this.#connecting;
  }

  #fail(error: Error): void {
    this.#failure ??= error;
  }
}
