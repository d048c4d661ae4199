/**
 * The node that is measured and what is around it:
 *
 *   generator ==veth==> access0 [edge] core0 ==veth==> sink of originals
 *                                [edge] mediation0 ==veth==> sink of copies
 *
 * Each case has an edge of its own, set up once; the far ends of all links are in one namespace outside.
 */
import { type Attachment, BpfObject, type LoadedObject } from "libbpf-ts";
import { Arrivals, SinkSettings, TrafficLimits } from "./layout.gen.js";
import { command, Namespace } from "./namespaces.js";

export const ACCESS = "access0";
export const CORE = "core0";
export const MEDIATION = "mediation0";
export const NODE_ADDRESS = "192.0.2.1";
export const MEDIATION_ADDRESS = "192.0.2.2";
/** Of the subscribers under intercept; see bpf/traffic.h. */
export const INTERCEPTED_PREFIX = "100.64.0.0/12";

/** Of the subscriber under intercept with this number, from 0 on. */
export function interceptedAddress(index: number): string {
  const value = TrafficLimits.INTERCEPTED_BASE + index;
  return [24, 16, 8, 0].map((shift) => (value >>> shift) & 0xff).join(".");
}

/** Room for every encapsulation, so that nothing is cut. */
const MEDIATION_MTU = "2000";
const GENERATOR_MAC = "02:00:00:00:01:01";
const ACCESS_MAC = "02:00:00:00:01:02";
const CORE_MAC = "02:00:00:00:02:01";
const SINK_MAC = "02:00:00:00:02:02";
const MEDIATION_MAC = "02:00:00:00:03:01";
const MEDIATION_SINK_MAC = "02:00:00:00:03:02";

export const MACS = { source: GENERATOR_MAC, destination: ACCESS_MAC } as const;
export const EDGE_MACS = { mediation: MEDIATION_MAC, mediationSink: MEDIATION_SINK_MAC } as const;

/** How what arrives is counted: redirected XDP frames by XDP, packets of the stack by tc. */
export type Counting = "xdp" | "tc";

export interface Counted {
  readonly counting: Counting;
  /** A CopyKind: what arrives at the mediation device. */
  readonly copyKind: number;
}

export interface Arrived {
  readonly packets: number;
  readonly bytes: number;
  /** Of those, packets of subscribers under intercept. */
  readonly intercepted: number;
  /** What the sink did not expect: anything but the generator's packets or copies of the right kind. */
  readonly others: number;
}

interface IpLink {
  readonly ifname: string;
  readonly ifindex: number;
}

const ZERO = Buffer.alloc(4);

export class Rig implements Disposable {
  private readonly edge = new Namespace();
  readonly object: LoadedObject;
  /** Index of the generator's end, in the namespace outside. */
  readonly generatorIfindex: number;
  readonly #attachments: Attachment[] = [];
  readonly #toClose: (() => void)[] = [];

  constructor(
    private readonly outside: Namespace,
    number: number,
    objectPath: string,
    { counting, copyKind }: Counted,
  ) {
    const ends = { generator: `generator${number}`, sink: `sink${number}`, mediation: `mediation${number}` };
    this.object = BpfObject.open(objectPath).load();
    outside.run(() => this.#connect(ends));
    this.edge.run(() => configureEdge());
    this.object.map("sinks").update(ZERO, SinkSettings.encode({ copy_kind: copyKind }));
    this.generatorIfindex = outside.run(() => {
      this.#countAt(ends.sink, `original_${counting}`, counting);
      this.#countAt(ends.mediation, `copy_${counting}`, counting);
      return ifindexOf(ends.generator);
    });
  }

  #connect(ends: { generator: string; sink: string; mediation: string }): void {
    veth([ends.generator, GENERATOR_MAC], [ACCESS, ACCESS_MAC], this.edge);
    veth([ends.sink, SINK_MAC], [CORE, CORE_MAC], this.edge);
    veth([ends.mediation, MEDIATION_SINK_MAC], [MEDIATION, MEDIATION_MAC], this.edge, MEDIATION_MTU);
  }

  #countAt(device: string, program: string, counting: Counting): void {
    const ifindex = ifindexOf(device);
    const loaded = this.object.program(program);
    // clsact, since a program at tcx can drop a packet but not take it.
    const attachment =
      counting === "xdp"
        ? loaded.attachXdp({ ifindex, mode: "native" })
        : loaded.attachClsact({ ifindex, direction: "ingress" });
    this.#attachments.push(attachment);
  }

  /** Runs synchronous code in the edge's namespace. */
  runInEdge<T>(code: () => T): T {
    return this.edge.run(code);
  }

  /** Has `close` called, in the edge's namespace, before the rig is taken down. */
  atEnd(close: () => void): void {
    this.#toClose.push(() => this.edge.run(close));
  }

  arrived(sink: "originals" | "copies"): Arrived {
    const parts = (this.object.map(sink).lookupPerCpu(ZERO) ?? []).map((bytes) => Arrivals.decode(bytes));
    const sum = (of: (part: Arrivals) => bigint): number => Number(parts.reduce((total, part) => total + of(part), 0n));
    return {
      packets: sum(({ packets }) => packets),
      bytes: sum(({ bytes }) => bytes),
      intercepted: sum(({ intercepted }) => intercepted),
      others: sum(({ others }) => others),
    };
  }

  /** Runs synchronous code where `generatorIfindex` is known. */
  runOutside<T>(code: () => T): T {
    return this.outside.run(code);
  }

  close(): void {
    for (const close of this.#toClose.toReversed()) close();
    for (const attachment of this.#attachments) attachment.close();
    this.object.close();
    this.edge.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }
}

function veth(
  near: [name: string, mac: string],
  far: [name: string, mac: string],
  edge: Namespace,
  mtu = "1500",
): void {
  const peer = ["peer", "name", far[0], "address", far[1], "mtu", mtu, "netns", edge.path];
  command("ip", "link", "add", near[0], "address", near[1], "mtu", mtu, "type", "veth", ...peer);
  command("ip", "link", "set", near[0], "up");
}

export function ifindexOf(device: string): number {
  const links = JSON.parse(command("ip", "-json", "link", "show", "dev", device)) as IpLink[];
  const found = links.find(({ ifname }) => ifname === device);
  if (!found) throw new Error(`The rig's device ${device} is not there.`);
  return found.ifindex;
}

function configureEdge(): void {
  command("sysctl", "-qw", "net.ipv6.conf.all.disable_ipv6=1", "net.ipv6.conf.default.disable_ipv6=1");
  command(
    "sysctl",
    "-qw",
    "net.ipv4.ip_forward=1",
    "net.ipv4.conf.all.rp_filter=0",
    "net.ipv4.conf.default.rp_filter=0",
  );
  for (const device of ["lo", ACCESS, CORE, MEDIATION]) command("ip", "link", "set", device, "up");
  command("ip", "address", "add", "203.0.113.1/24", "dev", CORE);
  command("ip", "address", "add", `${NODE_ADDRESS}/24`, "dev", MEDIATION);
  command("ip", "address", "add", "100.127.255.254/32", "dev", ACCESS);
  command("ip", "neighbour", "add", "203.0.113.2", "lladdr", SINK_MAC, "nud", "permanent", "dev", CORE);
  command(
    "ip",
    "neighbour",
    "add",
    MEDIATION_ADDRESS,
    "lladdr",
    MEDIATION_SINK_MAC,
    "nud",
    "permanent",
    "dev",
    MEDIATION,
  );
  command("ip", "route", "add", "100.64.0.0/10", "dev", ACCESS);
  command("ip", "route", "add", "198.51.100.0/24", "via", "203.0.113.2");
  // As on a real interface: NAPI with GRO. Without, veth takes no redirected frames.
  command("ethtool", "-K", ACCESS, "gro", "on");
}
