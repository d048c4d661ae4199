import assert from "node:assert/strict";
import { execFileSync } from "node:child_process";
import { after, before, describe, it } from "node:test";
import { fileURLToPath } from "node:url";
import { BpfObject, type LoadedObject } from "libbpf-ts";
import { Arrivals, CopyKind, SinkSettings } from "../../bench/layout.gen.js";

const ROOT = fileURLToPath(new URL("../../..", import.meta.url));
const ZERO = Buffer.alloc(4);
const INTERCEPTED = "64400007";
const OTHER = "64500007";
const STRANGER = "c0000207";

function udp(port: number, payload: Buffer): Buffer {
  const header = Buffer.alloc(8);
  header.writeUInt16BE(1024, 0);
  header.writeUInt16BE(port, 2);
  header.writeUInt16BE(8 + payload.length, 4);
  return Buffer.concat([header, payload]);
}

function ipv4(source: string, payload: Buffer): Buffer {
  const header = Buffer.from("4500000000000000401100000000000000000000", "hex");
  header.writeUInt16BE(20 + payload.length, 2);
  Buffer.from(source, "hex").copy(header, 12);
  return Buffer.concat([header, payload]);
}

function ethernet(packet: Buffer): Buffer {
  return Buffer.concat([Buffer.from("0200000002020200000002010800", "hex"), packet]);
}

function packetOf(subscriber: string): Buffer {
  return ipv4(subscriber, udp(443, Buffer.alloc(40)));
}

const bare = (subscriber: string): Buffer => ethernet(packetOf(subscriber));
const encapsulated = (port: number, inner: Buffer): Buffer =>
  ethernet(ipv4("c0000201", udp(port, Buffer.concat([Buffer.alloc(8), inner]))));
const shim = (subscriber: string): Buffer => encapsulated(30030, packetOf(subscriber));
const vxlan = (subscriber: string): Buffer => encapsulated(4789, bare(subscriber));

interface Counted {
  readonly packets: number;
  readonly intercepted: number;
  readonly others: number;
}

describe("the sinks of the bench", () => {
  let object: LoadedObject;

  before(() => {
    execFileSync("make", ["-s", "-C", "bench", "../build/bench/rig.o"], { cwd: ROOT });
    object = BpfObject.open(`${ROOT}/build/bench/rig.o`).load();
  });
  after(() => object.close());

  function counts(map: "originals" | "copies"): Counted {
    const parts = (object.map(map).lookupPerCpu(ZERO) ?? []).map((bytes) => Arrivals.decode(bytes));
    const sum = (of: "packets" | "intercepted" | "others"): number =>
      parts.reduce((total, part) => total + Number(part[of]), 0);
    return { packets: sum("packets"), intercepted: sum("intercepted"), others: sum("others") };
  }

  /** What `frame` adds to the counters of both variants of a sink. */
  function counted(sink: "original" | "copy", frame: Buffer): Counted {
    const map = sink === "original" ? "originals" : "copies";
    const [first, ...rest] = (["xdp", "tc"] as const).map((hook) => {
      const earlier = counts(map);
      object.program(`${sink}_${hook}`).testRun({ data: frame });
      const later = counts(map);
      return {
        packets: later.packets - earlier.packets,
        intercepted: later.intercepted - earlier.intercepted,
        others: later.others - earlier.others,
      };
    });
    assert.ok(first);
    for (const other of rest) assert.deepEqual(other, first, "XDP and tc count alike");
    return first;
  }

  it("count originals, and which of them are under intercept", () => {
    assert.deepEqual(counted("original", bare(INTERCEPTED)), { packets: 1, intercepted: 1, others: 0 });
    assert.deepEqual(counted("original", bare(OTHER)), { packets: 1, intercepted: 0, others: 0 });
  });

  it("take nothing else for an original", () => {
    const cut = bare(INTERCEPTED).subarray(0, 60);
    for (const frame of [bare(STRANGER), shim(INTERCEPTED), vxlan(INTERCEPTED), cut])
      assert.deepEqual(counted("original", frame), { packets: 0, intercepted: 0, others: 1 });
  });

  it("take for a copy only what is one of the kind that is measured, of a subscriber under intercept", () => {
    const kinds = [
      { kind: CopyKind.COPY_BARE, frame: bare },
      { kind: CopyKind.COPY_SHIM, frame: shim },
      { kind: CopyKind.COPY_VXLAN, frame: vxlan },
    ];
    for (const { kind } of kinds) {
      object.map("sinks").update(ZERO, SinkSettings.encode({ copy_kind: kind }));
      for (const made of kinds) {
        const isOne = made.kind === kind;
        const expected = { packets: isOne ? 1 : 0, intercepted: isOne ? 1 : 0, others: isOne ? 0 : 1 };
        assert.deepEqual(counted("copy", made.frame(INTERCEPTED)), expected);
        assert.deepEqual(counted("copy", made.frame(OTHER)), { packets: 0, intercepted: 0, others: 1 });
      }
    }
  });
});
