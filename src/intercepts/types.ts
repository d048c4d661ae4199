/** An intercept: one subscriber's packets, to one mediation device, behind one header. What the datapath is told. */

/** Seen from the subscriber: `from` is what the subscriber sends, `to` what the subscriber receives. */
export type Direction = "both" | "from" | "to";

/** One way in which a packet is the subscriber's. An intercept mirrors what any of its matches takes. */
export type SubscriberMatch =
  /** CIDR, host bits zero, e.g. `100.64.0.7/32`. */
  | { readonly kind: "ipv4"; readonly prefix: string }
  /** CIDR, host bits zero, e.g. `2001:db8:1::/64`. */
  | { readonly kind: "ipv6"; readonly prefix: string }
  | { readonly kind: "interface"; readonly name: string }
  | { readonly kind: "vlan"; readonly svlan: number; readonly cvlan?: number }
  | { readonly kind: "pppoe"; readonly sessionId: number; readonly mac: string };

/** Packets that fit every given field of a term are left out of the mirror (Junos `drop-policy`). */
export interface DropTerm {
  /** CIDR of the remote or local end, either family. */
  readonly source?: string;
  readonly destination?: string;
  /** Inclusive, 0 to 65535. */
  readonly sourcePorts?: readonly [number, number];
  readonly destinationPorts?: readonly [number, number];
  /** IP protocol number, 0 to 255. */
  readonly protocol?: number;
  /** 0 to 63. */
  readonly dscp?: number;
}

export interface MediationTarget {
  /** IP literal, IPv4 or IPv6. */
  readonly address: string;
  /** UDP port of both directions, or of `from` where `portTo` is given. */
  readonly port: number;
  /** UDP port of the packets to the subscriber, where the receiver tells directions by port. */
  readonly portTo?: number;
}

export interface InterceptHeader {
  readonly format: "junos" | "nokia";
  /** 30 bits (Junos) or 29 bits (Nokia, with the direction bit). */
  readonly interceptId: number;
  /** 32 bits. */
  readonly sessionId: number;
}

export interface InterceptSpec {
  /** Names this intercept on this node; stable over restarts; holds no subject. At most 32 ASCII characters. */
  readonly key: string;
  /** Keeps overlapping addresses of different routing instances apart. Absent: the default zone. */
  readonly zone?: string;
  readonly matches: readonly SubscriberMatch[];
  readonly direction: Direction;
  readonly header: InterceptHeader;
  readonly mediation: MediationTarget;
  /** Outer DSCP, 0 to 63. */
  readonly dscp?: number;
  /** Unix time in milliseconds. The kernel enforces both. */
  readonly notBefore?: number;
  readonly notAfter?: number;
  /** At most 16. */
  readonly dropPolicy?: readonly DropTerm[];
  readonly rate?: { readonly bytesPerSecond: number; readonly burstBytes: number };
  /** Bytes of the inner packet that are kept, from its IP header on. Absent: all. */
  readonly snapLength?: number;
  /** Also packets to multicast groups that a link match finds on their way to the subscriber. Absent: not. */
  readonly multicast?: boolean;
}
