/** Fixtures whose packets come in and leave by the node's interfaces, past the kernel itself. */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import { assertCopies, type Copy, expectedChanges } from "./fixtures.js";
import { intercept } from "./intercepts.js";
import { type Offload } from "./network.js";
import { SUBSCRIBER4, SUBSCRIBER6 } from "./packets.js";
import { type Changes, Rig, type RigOptions } from "./rig.js";

export interface WireFixture {
  readonly description: string;
  /** One of SUBSCRIBER4 and SUBSCRIBER6 unless given. */
  readonly intercepts?: readonly InterceptSpec[];
  readonly direction: "from" | "to";
  /** Where the frame comes in. */
  readonly into: "acc0" | "acct0" | "core0";
  readonly frame: Buffer;
  readonly offload?: Offload;
  /** In any order. */
  readonly copies: readonly (Copy | Buffer)[];
  /** Counters besides those of the mirrored packets and bytes. */
  readonly counters?: Changes;
  /** Where the original leaves again, and as what. */
  readonly leaves?: { readonly by: "acc0" | "acct0" | "core0"; readonly frames: readonly Buffer[] };
}

const DEFAULT = intercept({
  matches: [
    { kind: "ipv4", prefix: `${SUBSCRIBER4}/32` },
    { kind: "ipv6", prefix: `${SUBSCRIBER6}/128` },
  ],
});

export function runOnTheWire(rig: Rig, fixture: WireFixture): void {
  const { intercepts = [DEFAULT], direction, leaves } = fixture;
  const copies = fixture.copies.map((copy) => (Buffer.isBuffer(copy) ? { packet: copy } : copy));
  rig.clear();
  rig.install(intercepts);
  const changes = rig.changes(() => {
    rig[fixture.into].write(fixture.frame, fixture.offload);
    assertCopies(rig, { intercepts, direction }, copies);
    if (!leaves) return;
    const left = rig[leaves.by].expect(leaves.frames.length).map((frame) => frame.toString("hex"));
    const wanted = leaves.frames.map((frame) => frame.toString("hex"));
    assert.deepEqual(left, wanted, "the original");
  });
  assert.deepEqual(changes, expectedChanges(direction, copies, fixture.counters), "counters");
}

export function wireSuite(
  title: string,
  options: RigOptions,
  fixtures: readonly WireFixture[],
  prepare: (rig: Rig) => void = () => {},
): void {
  describe(title, () => {
    let rig: Rig;
    before(async () => {
      rig = await Rig.open(options);
      prepare(rig);
    });
    after(() => rig[Symbol.dispose]());
    for (const fixture of fixtures) test(fixture.description, () => runOnTheWire(rig, fixture));
  });
}
