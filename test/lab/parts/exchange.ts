/** One subscriber's day at the network: everything that is sent in a lab when "traffic" is asked for. */
import { ADDRESS, type Subscriber } from "./topology.js";
import { ask, download, ping, upload } from "./traffic.js";

export interface ExchangeSize {
  readonly downloadBytes: number;
  readonly uploadBytes: number;
}

const DNS_SIZES = [40, 120, 512];
/** ICMP payloads: ordinary, and a full packet of 1500 bytes. */
const PING_SIZES = { ipv4: [56, 1472], ipv6: [56, 1452] } as const;

/** Ping, DNS-sized datagrams, TCP both ways, over IPv4 and IPv6. Throws where one byte does not arrive. */
export async function exchange(subscriber: Subscriber, { downloadBytes, uploadBytes }: ExchangeSize): Promise<void> {
  const { namespace, delegatedIpv6 } = subscriber;
  for (const family of ["ipv4", "ipv6"] as const) {
    const server = ADDRESS.server[family];
    for (const bytes of PING_SIZES[family]) await ping(namespace, server, { bytes });
    for (const bytes of DNS_SIZES) await ask(namespace, server, 5, bytes);
    await download(namespace, server, downloadBytes, `${subscriber.name}-${family}`);
    await upload(namespace, server, uploadBytes, `${subscriber.name}-${family}`);
  }
  await ping(namespace, ADDRESS.server.ipv6, { source: delegatedIpv6 });
  // More than a packet holds: fragments in both directions.
  await ping(namespace, ADDRESS.server.ipv4, { bytes: 4000 });
  await ping(namespace, ADDRESS.server.ipv6, { bytes: 4000 });
}
