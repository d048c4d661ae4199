/** A network namespace of the test's own, and a way to be in it for the length of a call. */
import { execFileSync } from "node:child_process";
import { randomBytes } from "node:crypto";
import { closeSync, openSync } from "node:fs";
import { createRequire } from "node:module";
import type { Koffi } from "../../src/ffi/koffi.js";
import { atExit } from "./cleanup.js";

const CLONE_NEWNET = 0x40000000;
const koffi = createRequire(import.meta.url)("koffi") as Koffi;
const setns = koffi.load("libc.so.6").func("int setns(int fd, int type)") as (fd: number, type: number) => number;

export class NetNs implements Disposable {
  readonly name = `libbpf-ts-${randomBytes(4).toString("hex")}`;

  readonly #remove: () => void;

  constructor() {
    execFileSync("ip", ["netns", "add", this.name]);
    this.#remove = atExit(() => execFileSync("ip", ["netns", "delete", this.name]));
  }

  /** Runs `inside` with the main thread in the namespace; children started in it are in it too. */
  do<T>(inside: () => T): T {
    const home = openSync("/proc/self/ns/net", "r");
    const there = openSync(`/run/netns/${this.name}`, "r");
    try {
      enter(there);
      return inside();
    } finally {
      enter(home);
      closeSync(there);
      closeSync(home);
    }
  }

  run(command: string, ...args: string[]): string {
    return this.do(() => execFileSync(command, args, { encoding: "utf8" }));
  }

  /** A veth pair, up, with addresses and without IPv6's chatter. Returns the index of `left`. */
  addVeth(left: string, right: string): number {
    this.run("ip", "link", "add", left, "type", "veth", "peer", "name", right);
    for (const [device, address] of [
      [left, "192.0.2.1/24"],
      [right, "198.51.100.1/24"],
    ] as const) {
      this.run("ip", "link", "set", device, "addrgenmode", "none");
      this.run("ip", "address", "add", address, "dev", device);
      this.run("ip", "link", "set", device, "up");
    }
    return this.ifindex(left);
  }

  ifindex(device: string): number {
    const [link] = JSON.parse(this.run("ip", "-json", "link", "show", device)) as { ifindex: number }[];
    if (link === undefined) throw new Error(`no interface ${device}`);
    return link.ifindex;
  }

  /** Sends one UDP datagram out of the namespace's veth; resolution is by a permanent neighbour. */
  send(device: string, to: string): void {
    this.run("ip", "neighbour", "replace", to, "lladdr", "02:00:00:00:00:01", "dev", device, "nud", "permanent");
    const script = `const s = require("node:dgram").createSocket("udp4"); s.send("x", 9, ${JSON.stringify(to)}, () => s.close());`;
    this.run(process.execPath, "-e", script);
  }

  [Symbol.dispose](): void {
    this.#remove();
  }
}

function enter(fd: number): void {
  if (setns(fd, CLONE_NEWNET) !== 0) throw new Error(`setns: errno ${koffi.errno()}`);
}
