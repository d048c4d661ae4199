/** The shortest way, which most packets take, gives the copies that the general one gives. SEED=7 for other packets. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import { BpfProgram } from "libbpf-ts";
import { DeviceFlags, MediationDevice } from "../../src/datapath/layout.gen.js";
import { indexKey } from "../../src/datapath/registers.js";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import { contextBytes } from "./context.js";
import { PacketSource } from "./fuzz-packets.js";
import { deviceOf } from "./handover.js";
import { intercept } from "./intercepts.js";
import { ip } from "./network.js";
import { ethernet, ipv4 } from "./packets.js";
import { Rig } from "./rig.js";
import { udp } from "./transport.js";

const COUNT = 4000;
const XDP_REDIRECT = 4;
const SEED = Number(process.env["SEED"] ?? 1);

const PLAIN = intercept();
/** What changes nothing about a copy, but has to be asked for each. */
const OTHERS: readonly (readonly [string, InterceptSpec])[] = [
  ["a rate that is never reached", intercept({ rate: { bytesPerSecond: 9_000_000_000, burstBytes: 9_000_000_000 } })],
  ["a snap length that nothing reaches", intercept({ snapLength: 65_535 })],
];

/** Without the outer identification and the checksum over it, which differ from copy to copy. */
function comparable(copy: Buffer): string {
  const bytes = Buffer.from(copy);
  bytes.fill(0, 18, 20).fill(0, 24, 26);
  return bytes.toString("hex");
}

/** Of each packet, what came of it. */
type Seen = readonly string[];

function assertSame(seen: Seen, expected: Seen): void {
  for (const [number, what] of expected.entries()) assert.equal(seen[number], what, `packet ${number}, SEED=${SEED}`);
}

function sourceOn(rig: Rig): PacketSource {
  return new PacketSource({ seed: SEED, interfaces: [rig.acc0.ifindex] });
}

describe("tc", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  function copies(program: string, spec: InterceptSpec): Seen {
    rig.clear();
    rig.install([spec]);
    const loaded = rig.datapath.object.program(program);
    const source = sourceOn(rig);
    return Array.from({ length: COUNT }, () => {
      const { frame, context } = source.next();
      // Of super-packets one way sends what the stack will send later.
      const { gsoSize: _size, gsoSegments: _segments, ...single } = context;
      loaded.testRun({ data: frame, ctx: contextBytes(single) });
      return rig.med0.drain().map(comparable).join();
    });
  }

  for (const program of ["access_ingress", "access_egress"])
    test(`${program}: the same copies by each way`, () => {
      const plain = copies(program, PLAIN);
      assert.ok(plain.filter((copy) => copy !== "").length > COUNT / 100, "hardly anything was mirrored");
      for (const [, spec] of OTHERS) assertSame(copies(program, spec), plain);
    });
});

describe("xdp-tap", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open({ mode: "xdp-tap" });
  });
  after(() => rig[Symbol.dispose]());

  function copies(spec: InterceptSpec): Seen {
    rig.clear();
    rig.install([spec]);
    const [link] = JSON.parse(ip("-json", "link", "show", "dev", "acc0")) as { xdp: { prog: { id: number } } }[];
    assert.ok(link);
    using program = BpfProgram.openById(link.xdp.prog.id);
    const source = sourceOn(rig);
    return Array.from({ length: COUNT }, () => {
      const { retval, data } = program.testRun({ data: source.next().frame });
      return `verdict ${retval}: ${retval === XDP_REDIRECT ? comparable(data) : ""}`;
    });
  }

  test("the same copies by each way", () => {
    const plain = copies(PLAIN);
    const redirected = plain.filter((copy) => copy.startsWith(`verdict ${XDP_REDIRECT}`));
    assert.ok(redirected.length > COUNT / 100, "hardly anything was mirrored");
    assertSame(copies(intercept({ snapLength: 65_535 })), plain);
  });
});

describe("an IPsec policy that is new", () => {
  let rig: Rig;
  before(async () => {
    rig = await Rig.open();
  });
  after(() => rig[Symbol.dispose]());

  test("counts for the next copy, whatever the CPU remembers of the way", () => {
    rig.install([PLAIN]);
    const packet = ethernet(ipv4({}, udp()));
    const devices = rig.map("mediation_devices");
    const key = indexKey(deviceOf(rig, PLAIN.key));
    const row = MediationDevice.decode(devices.lookup(key) ?? Buffer.alloc(0));
    for (const flags of [0, DeviceFlags.DEVICE_IPSEC, 0]) {
      devices.update(key, MediationDevice.encode({ ...row, flags }));
      const { throughStack = 0 } = rig.changes(() => rig.run("access_ingress", packet));
      assert.equal(throughStack, flags === 0 ? 0 : 1, `flags ${flags}`);
    }
  });
});
