/** RADIUS over TLS from NASes and CoA clients: RFC 6614. Who a peer is, its certificate says. */
import { createServer, type Server, type TLSSocket } from "node:tls";
import { CODE } from "../radius/codes.js";
import { RadiusError } from "../radius/errors.js";
import { PacketSplitter } from "../radius/framing.js";
import type { NasClient } from "./auth-proxy.js";
import type { CoaClient } from "./coa.js";
import type { Drops } from "./drops.js";
import type { DatagramService } from "./metrics.js";
import type { Inbound } from "./service.js";
import type { TlsIdentity } from "./tls-files.js";

export interface RadsecPeer {
  /** A name in the peer's certificate: DNS name, or common name where it has none. */
  readonly certificateName: string;
  readonly nas: NasClient;
  /** Absent: this peer may not send CoA- and Disconnect-Requests. */
  readonly coa: CoaClient | undefined;
}

export interface RadsecServices {
  readonly auth: (inbound: Inbound<NasClient>) => void;
  readonly accounting: (inbound: Inbound<NasClient>) => void;
  readonly coa: (inbound: Inbound<CoaClient>) => void;
}

const HANDSHAKE_MS = 10_000;
const KEEP_ALIVE_MS = 30_000;
const MAX_CONNECTIONS = 4096;

export class RadsecListener {
  readonly #server: Server;
  readonly #sockets = new Set<TLSSocket>();
  readonly #peers: ReadonlyMap<string, RadsecPeer>;
  #connections = 0;

  constructor(
    identity: TlsIdentity,
    peers: readonly RadsecPeer[],
    private readonly services: RadsecServices,
    private readonly drops: Drops,
  ) {
    this.#peers = new Map(peers.map((peer) => [peer.certificateName.toLowerCase(), peer]));
    this.#server = createServer(
      { ...identity.material, requestCert: true, rejectUnauthorized: true, handshakeTimeout: HANDSHAKE_MS },
      (socket) => this.#accept(socket),
    );
    this.#server.maxConnections = MAX_CONNECTIONS;
    // A handshake that fails: no certificate, one of another authority, no TLS at all.
    this.#server.on("tlsClientError", (_error, socket) => {
      drops.drop("auth", "untrusted_certificate", socket.remoteAddress ?? "gone");
    });
  }

  /** New connections use the new material; those that are there go on. */
  renew(identity: Pick<TlsIdentity, "material">): void {
    this.#server.setSecureContext(identity.material);
  }

  /** Resolves with the port. */
  listen(address: string, port: number): Promise<number> {
    return new Promise((resolve, reject) => {
      this.#server.once("error", reject);
      this.#server.listen({ host: address, port, ipv6Only: address.includes(":") }, () => {
        this.#server.off("error", reject);
        this.#server.on("error", () => undefined);
        const bound = this.#server.address();
        resolve(typeof bound === "object" && bound !== null ? bound.port : port);
      });
    });
  }

  close(): Promise<void> {
    for (const socket of this.#sockets) socket.destroy();
    return new Promise((resolve) => this.#server.close(() => resolve()));
  }

  #accept(socket: TLSSocket): void {
    socket.on("error", () => undefined);
    const peer = certificateNames(socket)
      .map((name) => this.#peers.get(name))
      .find((found) => found !== undefined);
    if (peer === undefined) {
      this.drops.drop("auth", "unknown_client", socket.remoteAddress ?? "gone");
      socket.destroy();
      return;
    }
    this.#sockets.add(socket);
    socket.once("close", () => this.#sockets.delete(socket));
    socket.setNoDelay(true);
    socket.setKeepAlive(true, KEEP_ALIVE_MS);
    const source = `radsec ${++this.#connections}`;
    const splitter = new PacketSplitter();
    socket.on("data", (chunk: Buffer) => {
      try {
        for (const bytes of splitter.push(chunk)) this.#dispatch(peer, source, bytes, socket);
      } catch (error) {
        if (!(error instanceof RadiusError)) throw error;
        this.drops.drop("auth", "malformed", peer.nas.name);
        socket.destroy();
      }
    });
  }

  /** All services share a connection; the packet's code tells which is meant (RFC 6614 section 2.1). */
  #dispatch(peer: RadsecPeer, source: string, bytes: Buffer, socket: TLSSocket): void {
    const reply = (answer: Buffer) => {
      if (socket.writable) socket.write(answer);
    };
    const service = serviceOf(bytes[0] as number);
    if (service === "coa") {
      if (peer.coa === undefined) return this.drops.drop("coa", "unknown_client", peer.nas.name);
      return this.services.coa({ bytes, peer: peer.coa, source, reply });
    }
    this.services[service]({ bytes, peer: peer.nas, source, reply });
  }
}

function serviceOf(code: number): DatagramService {
  if (code === CODE.accountingRequest) return "accounting";
  return code === CODE.coaRequest || code === CODE.disconnectRequest ? "coa" : "auth";
}

/** Lower case; the common name counts only where there is no DNS name. */
function certificateNames(socket: TLSSocket): string[] {
  const { subject, subjectaltname } = socket.getPeerCertificate();
  const dns = (subjectaltname ?? "")
    .split(", ")
    .filter((entry) => entry.startsWith("DNS:"))
    .map((entry) => entry.slice("DNS:".length).toLowerCase());
  if (dns.length > 0) return dns;
  const commonName: unknown = (subject as { readonly CN?: unknown } | undefined)?.CN;
  return typeof commonName === "string" ? [commonName.toLowerCase()] : [];
}
