/**
 * An edge node in a network namespace of this process's own, with taps in place of its cables: the test is subscriber,
 * remote host and mediation device at once, and knows every packet by its number.
 *
 *   acc0  subscriber    core0  remote host    med0  mediation device
 */
import { setTimeout as delay } from "node:timers/promises";
import { KernelDatapath } from "../../../src/datapath/kernel.js";
import type { DatapathOptions } from "../../../src/datapath/options.js";
import type { InterceptSpec } from "../../../src/intercepts/types.js";
import { decapsulate } from "../../bpf/datagram.js";
import { intercept } from "../../bpf/intercepts.js";
import { enterPrivateNetwork, ip, sysctl, Wire } from "../../bpf/network.js";
import {
  addressBytes,
  ethernet,
  ipv4,
  macBytes,
  REMOTE4,
  ROUTER_MAC,
  SUBSCRIBER_MAC,
  SUBSCRIBER4,
} from "../../bpf/packets.js";
import { DEFAULT_MEDIATION, DEVICE4, DEVICE6, MEDIATION_MAC, NODE4, NODE6, OBJECT_DIRECTORY } from "../../bpf/rig.js";
import { udp } from "../../bpf/transport.js";
import { until } from "../../support/poll.js";

export const CORE_MAC = "02:00:5e:30:00:01";
export const REMOTE_MAC = "02:00:5e:30:00:80";
const ETHERNET_BYTES = 14;
const IPV4_BYTES = 20;
const UDP_BYTES = 8;

export interface EdgeOptions {
  readonly access?: readonly string[];
  readonly mediationInterfaces?: readonly string[];
  readonly mediation?: Partial<DatapathOptions["mediation"]>;
  readonly attach?: DatapathOptions["attach"];
  readonly zones?: Readonly<Record<string, string>>;
}

export function accessWire(name = "acc0"): Wire {
  const wire = new Wire(name, { mac: ROUTER_MAC });
  sysctl(`ipv4/conf/${name}/rp_filter`, "0");
  ip("address", "add", "100.64.0.1/24", "dev", name);
  ip("neighbour", "replace", SUBSCRIBER4, "lladdr", SUBSCRIBER_MAC, "dev", name, "nud", "permanent");
  return wire;
}

/** `deviceMac`: of a permanent neighbour; without it, the device is to be asked for. */
export function mediationWire(name = "med0", deviceMac?: string, mtu = 1600): Wire {
  const wire = new Wire(name, { mac: MEDIATION_MAC, mtu });
  ip("address", "add", `${NODE4}/24`, "dev", name);
  ip("address", "add", `${NODE6}/64`, "dev", name, "nodad");
  if (deviceMac === undefined) return wire;
  for (const address of [DEVICE4, DEVICE6])
    ip("neighbour", "replace", address, "lladdr", deviceMac, "dev", name, "nud", "permanent");
  return wire;
}

export function numberIn(packet: Buffer): number {
  return packet.readUInt32BE(IPV4_BYTES + UDP_BYTES);
}

/** A frame of the subscriber's with its number in the payload. */
export function numberedFrame(number: number, bytes = 32): Buffer {
  const payload = Buffer.alloc(bytes, number);
  payload.writeUInt32BE(number);
  const link = { source: SUBSCRIBER_MAC, destination: ROUTER_MAC };
  return ethernet(ipv4({ id: number & 0xffff }, udp({}, payload)), link);
}

export class Edge implements Disposable {
  readonly core: Wire;
  readonly datapath: KernelDatapath;
  /** What the datapath told, one line an event. */
  readonly events: string[] = [];
  /** Numbers of the packets that were sent. */
  sent = 0;

  /** `prepare` makes what is to be there before the datapath starts. */
  constructor(options: EdgeOptions = {}, prepare: () => void = () => {}) {
    enterPrivateNetwork();
    sysctl("ipv4/ip_forward", "1");
    sysctl("ipv6/conf/all/forwarding", "1");
    sysctl("ipv4/conf/all/rp_filter", "0");
    this.core = new Wire("core0", { mac: CORE_MAC });
    ip("address", "add", "192.0.2.1/24", "dev", "core0");
    ip("neighbour", "replace", REMOTE4, "lladdr", REMOTE_MAC, "dev", "core0", "nud", "permanent");
    prepare();
    const note = (line: string): void => void this.events.push(line);
    this.datapath = new KernelDatapath(
      {
        mode: "tc",
        objectDirectory: OBJECT_DIRECTORY,
        interfaces: {
          access: options.access ?? ["acc*"],
          mediation: options.mediationInterfaces ?? ["med*"],
          zones: options.zones ?? {},
        },
        limits: { intercepts: 64, matches: 4096, mediationDevices: 16, dropPolicies: 16 },
        mediation: { ...DEFAULT_MEDIATION, ...options.mediation },
        ...(options.attach && { attach: options.attach }),
      },
      {
        attached: (name, roles) => note(`attached ${name} ${roles.join("+")}`),
        gone: (name) => note(`gone ${name}`),
        failed: (name, reason) => note(`failed ${name}: ${reason}`),
        overtaken: (name, direction, programs, regained) =>
          note(`overtaken ${name} ${direction} ${programs.join("+")} ${regained ? "regained" : "behind"}`),
        stranded: (reason) => note(`stranded: ${reason}`),
        leftToTc: (name, reason) => note(`${name} left to tc: ${reason}`),
        narrowPath: (mtu, needed) => note(`narrow ${mtu} for ${needed}`),
      },
    );
  }

  put(parts: Partial<InterceptSpec> = {}): void {
    this.datapath.put(intercept(parts));
  }

  told(line: string): Promise<void> {
    return until(`the datapath tells "${line}"`, () => this.events.includes(line), 10_000);
  }

  /** The next `count` packets from the subscriber, `bytes` of payload each. */
  send(wire: Wire, count = 1, bytes = 32): void {
    for (let i = 0; i < count; i++) wire.write(numberedFrame(this.sent++, bytes));
  }

  /** Numbers of the originals that left for the remote host since the last call, in their order. */
  originals(): number[] {
    return this.core
      .drain()
      .filter((frame) => frame.subarray(ETHERNET_BYTES + 16, ETHERNET_BYTES + 20).equals(addressBytes(REMOTE4)))
      .map((frame) => numberIn(frame.subarray(ETHERNET_BYTES)));
  }

  [Symbol.dispose](): void {
    this.datapath.close();
    this.core[Symbol.dispose]();
  }
}

export interface MediationFrame {
  readonly to: Buffer;
  readonly packet: Buffer;
}

/** IP packets among the frames that left by a mediation interface. */
export function ipFrames(frames: readonly Buffer[]): MediationFrame[] {
  return frames
    .filter((frame) => [0x0800, 0x86dd].includes(frame.readUInt16BE(12)))
    .map((frame) => ({ to: frame.subarray(0, 6), packet: frame.subarray(ETHERNET_BYTES) }));
}

/** Numbers of the mirrored packets in the frames that left for the mediation device of this MAC address. */
export function copies(frames: readonly Buffer[], deviceMac: string): number[] {
  return ipFrames(frames)
    .filter(({ to }) => to.equals(macBytes(deviceMac)))
    .map(({ packet }) => numberIn(decapsulate(packet).inner));
}

/** `from` to `to` - 1. */
export function range(from: number, to: number): number[] {
  return Array.from({ length: to - from }, (_, index) => from + index);
}

/** Reads until `count` numbers have come, and a moment longer for what is too much. Throws when they do not come. */
export async function collect(read: () => number[], count: number): Promise<number[]> {
  const numbers: number[] = [];
  await until(`${count} packets are there`, () => {
    numbers.push(...read());
    return numbers.length >= count;
  });
  await delay(30);
  return [...numbers, ...read()];
}
