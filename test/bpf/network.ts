/** A network namespace of the test's own, and tap devices as the wires of its interfaces. */
import { execFileSync } from "node:child_process";
import { closeSync, constants, openSync, readSync, writeFileSync, writeSync } from "node:fs";
import koffi from "koffi";

const CLONE_NEWNET = 0x4000_0000;
const TUNSETIFF = 0x4004_54ca;
const IFF_TUN = 0x0001;
const IFF_TAP = 0x0002;
const IFF_NO_PI = 0x1000;
const IFF_VNET_HDR = 0x4000;
const IFREQ_BYTES = 40;
const IFREQ_FLAGS = 16;
/** `struct virtio_net_hdr`: flags, gso_type, hdr_len, gso_size, csum_start, csum_offset. */
const VNET_BYTES = 10;
const LARGEST_FRAME = 66_000;

const libc = koffi.load("libc.so.6");
const unshare = libc.func("int unshare(int flags)") as (flags: number) => number;
const ifNameToIndex = libc.func("unsigned int if_nametoindex(const char *name)") as (name: string) => number;
const ioctl = libc.func("int ioctl(int fd, unsigned long request, void *argument)") as (
  fd: number,
  request: number,
  argument: Buffer,
) => number;

/**
 * Moves this process (its main thread, which makes all calls here) into an empty network namespace. It vanishes with
 * the process, or with the last device's descriptor after the next call.
 */
export function enterPrivateNetwork(): void {
  if (unshare(CLONE_NEWNET) !== 0) throw new Error("No network namespace of its own (unshare): run the tests as root.");
  ip("link", "set", "lo", "up");
}

export function ip(...args: readonly string[]): string {
  return execFileSync("ip", args, { encoding: "utf8" });
}

/** Many at once, which saves most of their time. */
export function ipBatch(commands: readonly (readonly string[])[]): void {
  execFileSync("ip", ["-batch", "-"], { input: commands.map((command) => command.join(" ")).join("\n") });
}

export function sysctl(path: string, value: string): void {
  writeFileSync(`/proc/sys/net/${path}`, value);
}

/** What a network card would say of a frame (virtio_net_hdr). */
export interface Offload {
  /** The transport checksum is left to be completed from here on, and goes there. */
  readonly checksumStart: number;
  readonly checksumOffset: number;
  /** A super-packet: payload bytes of each segment. */
  readonly segment?: { readonly kind: "tcp4" | "tcp6" | "udp"; readonly bytes: number; readonly headerBytes: number };
}

const GSO_TYPE = { tcp4: 1, tcp6: 4, udp: 5 } as const;
const NEEDS_CHECKSUM = 1;

export function offloadHeader(offload: Offload | undefined): Buffer {
  const header = Buffer.alloc(VNET_BYTES);
  if (!offload) return header;
  header[0] = NEEDS_CHECKSUM;
  header.writeUInt16LE(offload.checksumStart, 6);
  header.writeUInt16LE(offload.checksumOffset, 8);
  if (!offload.segment) return header;
  header[1] = GSO_TYPE[offload.segment.kind];
  header.writeUInt16LE(offload.segment.headerBytes, 2);
  header.writeUInt16LE(offload.segment.bytes, 4);
  return header;
}

/** An interface whose wire is in this process's hands: what is written comes in there, what leaves there is read. */
export class Wire implements Disposable {
  /** For a thread that writes on its own. */
  readonly fd: number;
  readonly #linkLayer: boolean;
  readonly #buffer = Buffer.alloc(LARGEST_FRAME);
  readonly ifindex: number;

  constructor(
    readonly name: string,
    { linkLayer = true, mac, mtu = 1500 }: { linkLayer?: boolean; mac?: string; mtu?: number } = {},
  ) {
    this.#linkLayer = linkLayer;
    this.fd = openSync("/dev/net/tun", constants.O_RDWR | constants.O_NONBLOCK);
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write(name, "ascii");
    request.writeUInt16LE((linkLayer ? IFF_TAP : IFF_TUN) | IFF_NO_PI | IFF_VNET_HDR, IFREQ_FLAGS);
    if (ioctl(this.fd, TUNSETIFF, request) !== 0) throw new Error(`The device ${name} could not be made (TUNSETIFF).`);
    // No router solicitations and the like among the frames.
    sysctl(`ipv6/conf/${name}/addr_gen_mode`, "1");
    ip("link", "set", name, ...(mac ? ["address", mac] : []), "mtu", `${mtu}`, "txqueuelen", "4000", "up");
    this.ifindex = ifindexOf(name);
  }

  /** A frame comes in. */
  write(frame: Buffer, offload?: Offload): void {
    writeSync(this.fd, Buffer.concat([offloadHeader(offload), frame]));
  }

  /** The next frame that left, or undefined. */
  read(): Buffer | undefined {
    let frame = this.readAny();
    while (frame && this.#isToGroup(frame)) frame = this.readAny();
    return frame;
  }

  /** The kernel tells the groups that it has joined (MLD) when it likes; no test sends to one by this way. */
  #isToGroup(frame: Buffer): boolean {
    return this.#linkLayer ? ((frame[0] ?? 0) & 1) === 1 : frame[0] === 0x60 && frame[24] === 0xff;
  }

  /** The next frame that left, those to groups and to everybody included. */
  readAny(): Buffer | undefined {
    try {
      const bytes = readSync(this.fd, this.#buffer);
      return Buffer.from(this.#buffer.subarray(VNET_BYTES, bytes));
    } catch (error) {
      if ((error as NodeJS.ErrnoException).code === "EAGAIN") return undefined;
      throw error;
    }
  }

  /** All frames that have left. */
  drain(): Buffer[] {
    const frames: Buffer[] = [];
    for (let frame = this.read(); frame; frame = this.read()) frames.push(frame);
    return frames;
  }

  /** `count` frames, and whatever else there is with them; throws where they do not come in time. */
  expect(count: number, withinMs = 5000): Buffer[] {
    const frames = this.drain();
    waitUntil(() => {
      frames.push(...this.drain());
      return frames.length >= count;
    }, withinMs);
    return frames;
  }

  [Symbol.dispose](): void {
    closeSync(this.fd);
  }
}

export function ifindexOf(name: string): number {
  const index = ifNameToIndex(name);
  if (index === 0) throw new Error(`There is no interface ${name}.`);
  return index;
}

const sleeper = new Int32Array(new SharedArrayBuffer(4));

/** Waits in place: no callbacks run meanwhile. Returns whether the condition came true in time. */
export function waitUntil(condition: () => boolean, withinMs = 5000): boolean {
  const end = performance.now() + withinMs;
  while (!condition()) {
    if (performance.now() > end) return false;
    Atomics.wait(sleeper, 0, 0, 1);
  }
  return true;
}
