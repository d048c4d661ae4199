/**
 * Keeps the way to the mediation devices known. The programs ask the kernel's routing and neighbour tables, but asking
 * is no use of a neighbour: the kernel would let it go stale, never ask whether it is still there, and throw it away.
 */
import type { IpAddress } from "../net/addresses.js";
import { type NeighbourState, NextHopQueries, type Route } from "../net/next-hop.js";
import type { MediationPath } from "./port.js";

export type { MediationPath } from "./port.js";

const ROUND_MS = 1000;
/** A round looks at that many mediation devices at most, some 0.2 ms each. */
const DEVICES_A_ROUND = 64;
/** How often a neighbour that answers is asked. */
export const PROBE_EVERY_MS = 3000;
/** A neighbour that has not answered at its known address until then may have another one. */
export const ANSWER_WITHIN_MS = 900;

/** Bytes of the subscribers' packets that are to fit. */
export const USUAL_PACKET_BYTES = 1500;
/** Outer IP, UDP and shim. */
export const OUTER_BYTES = { 4: 20 + 8 + 8, 6: 40 + 8 + 8 } as const;

export interface MediationPeer {
  readonly source: IpAddress;
  readonly destination: IpAddress;
}

export interface PathEvents {
  /** Copies of 1500-byte packets leave in fragments, or not at all: the path has `mtu`, they have `needed` bytes. */
  narrowPath(mtu: number, needed: number): void;
}

export interface Surroundings {
  /** Those that intercepts use. */
  peers(): readonly MediationPeer[];
  /** ifindex of the interface by which copies come into the stack. */
  readonly input: number;
}

export interface Tending {
  /** Milliseconds. */
  readonly sinceProbe: number;
  /** How long it has been seen in the state `probe`; 0 in others. */
  readonly probing: number;
}

/** What to do about a neighbour. Pure. */
export function neighbourStep(
  state: NeighbourState,
  { sinceProbe, probing }: Tending,
): "resolve" | "probe" | "renew" | undefined {
  switch (state) {
    case "none":
    case "failed":
      return "resolve";
    case "reachable":
    case "stale":
    case "delay":
      return sinceProbe >= PROBE_EVERY_MS ? "probe" : undefined;
    case "probe":
      return probing >= ANSWER_WITHIN_MS ? "renew" : undefined;
    case "incomplete":
    case "noarp":
    case "permanent":
      return undefined;
  }
}

interface Tended {
  probed: number;
  probingSince: number | undefined;
}

function idOf(address: IpAddress, ifindex = 0): string {
  return `${ifindex} ${address.bytes.toString("hex")}`;
}

export class NextHops {
  readonly #queries = new NextHopQueries();
  readonly #tended = new Map<string, Tended>();
  readonly #paths = new Map<string, MediationPath>();
  readonly #narrow = new Map<string, number>();
  #next = 0;
  #timer: NodeJS.Timeout | undefined;

  constructor(
    private readonly surroundings: Surroundings,
    private readonly events: PathEvents,
  ) {}

  start(): void {
    this.#timer = setInterval(() => this.#roundQuietly(), ROUND_MS).unref();
  }

  stop(): void {
    clearInterval(this.#timer);
    this.#queries.close();
  }

  /** The paths to the mediation devices in use, as they were when they were last looked at. */
  paths(): MediationPath[] {
    return [...this.#paths.values()];
  }

  /** Looks at the next mediation devices. Throws NetlinkError. */
  round(): void {
    const peers = this.surroundings.peers();
    this.#forgetOthers(peers);
    if (this.#next >= peers.length) this.#next = 0;
    const now = peers.slice(this.#next, this.#next + DEVICES_A_ROUND);
    this.#next += DEVICES_A_ROUND;
    const looked = new Set<string>();
    for (const peer of now) this.#look(peer, looked);
  }

  /** Looks at one device now, so that its neighbour is known before the first copy. */
  greet(peer: MediationPeer): void {
    try {
      this.#look(peer, new Set());
    } catch {
      // The next round tries again.
    }
  }

  #roundQuietly(): void {
    try {
      this.round();
    } catch {
      // No memory for the moment, say; the next round tries again.
    }
  }

  #look(peer: MediationPeer, looked: Set<string>): void {
    const { destination, source } = peer;
    const route = this.#queries.route(destination, source, this.surroundings.input);
    const neighbour = route ? this.#tend(route, destination, looked) : "unreachable";
    const link = route && this.#queries.link(route.out);
    const mtu = route?.mtu ?? link?.mtu;
    const needed = USUAL_PACKET_BYTES + OUTER_BYTES[destination.family];
    const path: MediationPath = {
      needed,
      neighbour,
      ...(link && { interface: link.name }),
      ...(mtu !== undefined && { mtu }),
    };
    this.#paths.set(idOf(destination), path);
    this.#tellIfNarrow(idOf(destination), path);
  }

  #tellIfNarrow(id: string, { mtu, needed }: MediationPath): void {
    if (mtu === undefined || mtu >= needed) {
      this.#narrow.delete(id);
      return;
    }
    if (this.#narrow.get(id) === mtu) return;
    this.#narrow.set(id, mtu);
    this.events.narrowPath(mtu, needed);
  }

  /** Several mediation devices may be behind one next hop, which is asked once. */
  #tend(route: Route, destination: IpAddress, looked: Set<string>): NeighbourState {
    const address = route.gateway ?? destination;
    const id = idOf(address, route.out);
    const state = this.#queries.neighbour(address, route.out)?.state ?? "none";
    if (looked.has(id)) return state;
    looked.add(id);
    const now = performance.now();
    const tended = this.#tended.get(id) ?? { probed: Number.NEGATIVE_INFINITY, probingSince: undefined };
    this.#tended.set(id, tended);
    tended.probingSince = state === "probe" ? (tended.probingSince ?? now) : undefined;
    const probing = tended.probingSince === undefined ? 0 : now - tended.probingSince;
    const step = neighbourStep(state, { sinceProbe: now - tended.probed, probing });
    if (step === "probe") {
      this.#queries.probe(address, route.out);
      tended.probed = now;
      tended.probingSince = now;
    }
    if (step === "renew") this.#queries.forget(address, route.out);
    if (step !== "renew" && step !== "resolve") return state;
    this.#queries.resolve(address, route.out);
    return this.#queries.neighbour(address, route.out)?.state ?? "none";
  }

  #forgetOthers(peers: readonly MediationPeer[]): void {
    const used = new Set(peers.map(({ destination }) => idOf(destination)));
    for (const id of this.#paths.keys()) {
      if (used.has(id)) continue;
      this.#paths.delete(id);
      this.#narrow.delete(id);
    }
    if (peers.length === 0) this.#tended.clear();
  }
}
