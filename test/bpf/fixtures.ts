/**
 * The tables of the eBPF tests. A fixture says which intercepts there are, what packet an access program is run on,
 * and which copies must leave, byte by byte. To add a case, add an entry to a table; the runner checks in every case
 * that the verdict is "go on", that packet and context are untouched, and that no counter moved but those named.
 */
import assert from "node:assert/strict";
import { after, before, describe, test } from "node:test";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import type { Context } from "./context.js";
import { contextBytes } from "./context.js";
import { datagram, type Received, received } from "./datagram.js";
import { intercept, outerOf } from "./intercepts.js";
import type { VlanTag } from "./packets.js";
import { type AccessInterface, type Changes, mediationFrame, Rig, type RigOptions } from "./rig.js";

export interface Copy {
  /** From the IP header on. */
  readonly packet: Buffer;
  /** The intercept whose copy it is; the fixture's only one unless given. */
  readonly of?: InterceptSpec;
  /** Number of IP fragments that it arrives in; 1 unless given. */
  readonly fragments?: number;
}

export interface Fixture {
  readonly description: string;
  /** One of SUBSCRIBER4 unless given. */
  readonly intercepts?: readonly InterceptSpec[];
  /** `from`: access_ingress, `to`: access_egress. */
  readonly direction: "from" | "to";
  readonly on?: AccessInterface;
  /** What the program sees: the frame, or without a link layer the packet. */
  readonly frame: Buffer;
  readonly context?: Context;
  /** A VLAN tag in the skb's metadata, outside those in the frame. */
  readonly tag?: VlanTag;
  /** In any order. */
  readonly copies: readonly (Copy | Buffer)[];
  /** Counters besides those of the mirrored packets and bytes. */
  readonly counters?: Changes;
  /** What the node must be like. */
  readonly prepare?: (rig: Rig) => void;
}

const GO_ON = -1;

/** What the totals must gain: the copies' packets and bytes, and what the fixture names. */
export function expectedChanges(direction: "from" | "to", copies: readonly Copy[], counters: Changes = {}): Changes {
  const bytes = copies.reduce((sum, { packet }) => sum + packet.length, 0);
  const mirrored = copies.length > 0 ? { [`${direction}.packets`]: copies.length, [`${direction}.bytes`]: bytes } : {};
  return { ...mirrored, ...counters };
}

/** Compares what left for the mediation devices with what had to, in any order. */
export function assertCopies(
  rig: Rig,
  fixture: Pick<Fixture, "intercepts" | "direction">,
  copies: readonly Copy[],
): void {
  const [first = intercept()] = fixture.intercepts ?? [];
  const wanted = copies.map(({ packet, of = first, fragments = 1 }) => ({
    packet: datagram(outerOf(of, fixture.direction, rig.mediation), packet),
    frames: fragments,
  }));
  const frames = rig.med0.expect(wanted.reduce((sum, copy) => sum + copy.frames, 0));
  for (const frame of frames) {
    const header = mediationFrame(frame.subarray(14)).subarray(0, 14);
    assert.equal(frame.toString("hex", 0, 14), header.toString("hex"), "Ethernet header");
  }
  const told = (packets: readonly Received[]): string[] =>
    packets.map((copy) => `in ${copy.frames} frames: ${copy.packet.toString("hex")}`).toSorted();
  assert.deepEqual(told(received(frames.map((frame) => frame.subarray(14)))), told(wanted), "at the mediation device");
}

export function runFixture(rig: Rig, fixture: Fixture): void {
  const { direction, on = "acc0", frame, context = {} } = fixture;
  const copies = fixture.copies.map((copy) => (Buffer.isBuffer(copy) ? { packet: copy } : copy));
  rig.clear();
  rig.install(fixture.intercepts ?? [intercept()]);
  fixture.prepare?.(rig);
  const program = `access_${direction === "from" ? "ingress" : "egress"}${on === "acct0" ? "_l3" : ""}`;
  const changes = rig.changes(() => {
    const result = rig.run(program, frame, context, on, fixture.tag);
    assert.equal(result.verdict, GO_ON, "verdict");
    assert.equal(result.packet.toString("hex"), frame.toString("hex"), "the original");
    const given = contextBytes({ ifindex: rig[on].ifindex, wireLength: frame.length, ...context });
    assert.deepEqual(result.context, given, "the original's metadata");
    assertCopies(rig, fixture, copies);
  });
  assert.deepEqual(changes, expectedChanges(direction, copies, fixture.counters), "counters");
}

/** A suite of one rig and its fixtures. */
export function fixtureSuite(title: string, options: RigOptions, fixtures: readonly Fixture[]): void {
  describe(title, () => {
    let rig: Rig;
    before(async () => {
      rig = await Rig.open(options);
    });
    after(() => rig[Symbol.dispose]());
    for (const fixture of fixtures) test(fixture.description, () => runFixture(rig, fixture));
  });
}
