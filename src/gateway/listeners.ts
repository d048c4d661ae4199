/** The UDP ports, and who may send to them. */
import type { Secret } from "../radius/authenticator.js";
import { ClientTable } from "./clients.js";
import type { Drops } from "./drops.js";
import type { DatagramService } from "./metrics.js";
import type { Inbound, Peer } from "./service.js";
import { type BoundUdp, bindUdp } from "./udp.js";

/** A peer, and the address or prefix that it sends from. */
export interface PeerAddress<P extends Peer> {
  readonly address: string;
  readonly peer: P & { readonly secret: Secret };
}

export interface ServicePort<P extends Peer> {
  readonly service: DatagramService;
  /** 0: the system chooses on the first address, and the others follow. */
  readonly port: number;
  readonly peers: readonly PeerAddress<P>[];
  readonly receive: (inbound: Inbound<P>) => void;
}

/** Opens one port on every address; the sockets are added to `sockets` as they open. Resolves with the port. */
export async function openServicePort<P extends Peer>(
  addresses: readonly string[],
  { service, port, peers, receive }: ServicePort<P>,
  drops: Drops,
  sockets: BoundUdp[],
): Promise<number> {
  const table = new ClientTable(peers);
  let chosen = port;
  for (const address of addresses) {
    const socket: BoundUdp = await bindUdp(address, chosen, (bytes, from) => {
      const peer = table.find(from.address)?.peer;
      if (peer === undefined) return drops.drop(service, "unknown_client", from.address);
      receive({ bytes, peer, source: from.text, reply: (answer) => socket.send(answer, from) });
    });
    sockets.push(socket);
    chosen = socket.port;
  }
  return chosen;
}
