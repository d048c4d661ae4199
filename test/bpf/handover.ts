/** Runs the programs behind the hand-over as if the clone had just been made: with an order in the slot of every CPU. */
import assert from "node:assert/strict";
import { bootClockNs } from "../../src/datapath/clock.js";
import { Cpu, Handover, Intercept, Limits, Route, Targets } from "../../src/datapath/layout.gen.js";
import type { Context } from "./context.js";
import { macBytes } from "./packets.js";
import { DEVICE_MAC, MEDIATION_MAC, type Rig, type Run } from "./rig.js";

const ZERO = Buffer.alloc(4);
/** Orders to encapsulate leave no header behind. */
const NOTHING_PREPARED = Array.from({ length: Limits.OUTER4_ROOM_WORDS }, () => 0n);

export interface Order {
  /** Key of the intercept whose copy it is. */
  readonly intercept: string;
  /** Another index into the table of intercepts. */
  readonly slot?: number;
  readonly direction?: "from" | "to";
  /** Where the IP header is in the packet. */
  readonly ipOffset?: number;
  /** From the IP header on; all that is there unless given. */
  readonly ipLength?: number;
  readonly packets?: number;
  readonly throughStack?: boolean;
  /** Outer IPv4 identification. */
  readonly id?: number;
}

export interface OrderedRun extends Run {
  /** 0, or the number of the drop reason and one. */
  readonly outcome: number;
  /** Set where the program sent the copy another way than it was told. */
  readonly throughStack: boolean;
}

function indexKey(index: number): Buffer {
  const key = Buffer.alloc(4);
  key.writeUInt32LE(index);
  return key;
}

/** Index of the intercept in the kernel's table: the slot that a match leads to; earlier ones keep their bytes. */
export function slotOf(rig: Rig, key: string): number {
  for (const map of ["hosts4", "hosts6", "prefixes4", "prefixes6", "links"])
    for (const [, value] of rig.map(map).entries()) {
      const { count, intercept } = Targets.decode(value);
      const slot = intercept.slice(0, count).find((index) => keyOf(rig, index) === key);
      if (slot !== undefined) return slot;
    }
  throw new Error("No match leads to such an intercept.");
}

function keyOf(rig: Rig, slot: number): string {
  const value = rig.map("intercepts").lookup(indexKey(slot));
  return value ? Intercept.decode(value).key.toString("ascii").replace(/\0+$/, "") : "";
}

/** Every CPU knows the way to `device`, and which identification is next. */
export function setRoute(rig: Rig, device: number, id: number, mtu = 1500): void {
  const route = Route.encode({
    asked_ns: bootClockNs() + 3_600_000_000_000n,
    unresolved_ns: 0n,
    tried_ns: 0n,
    ifindex: rig.med0.ifindex,
    mtu,
    usual_bytes: 0,
    padding: 0,
    source_mac: macBytes(MEDIATION_MAC),
    destination_mac: macBytes(DEVICE_MAC),
    next_id: id,
    ids_left: 256,
    outer4_sum: 0,
    outer4: NOTHING_PREPARED,
  });
  const routes = rig.map("routes");
  const cpus = routes.lookupPerCpu(indexKey(device))?.length ?? 0;
  routes.updatePerCpu(
    indexKey(device),
    Array.from({ length: cpus }, () => route),
  );
}

export function deviceOf(rig: Rig, key: string): number {
  const value = rig.map("intercepts").lookup(indexKey(slotOf(rig, key)));
  assert.ok(value);
  return Intercept.decode(value).device;
}

/** Puts `order` into the slot of every CPU. */
export function leaveOrder(rig: Rig, order: Handover): void {
  const cpus = rig.map("cpus");
  const parts = (cpus.lookupPerCpu(ZERO) ?? []).map((part) => {
    const bytes = Buffer.from(part);
    Handover.encode(order, bytes, Cpu.offsets.handover);
    return bytes;
  });
  cpus.updatePerCpu(ZERO, parts);
}

export const NO_ORDER: Handover = Handover.decode(Buffer.alloc(Handover.size));

/** Runs `program` on a packet that it was handed over. */
export function runOrdered(rig: Rig, program: string, packet: Buffer, order: Order, context: Context = {}): OrderedRun {
  const { ipOffset = 14, id = 0x1234 } = order;
  const slot: Handover = {
    busy: 1,
    armed: 1,
    intercept: order.slot ?? slotOf(rig, order.intercept),
    direction: order.direction === "to" ? 1 : 0,
    ip_offset: ipOffset,
    ip_length: order.ipLength ?? packet.length - ipOffset,
    packets: order.packets ?? 1,
    through_stack: order.throughStack ? 1 : 0,
    // Network byte order.
    protocol: (packet[ipOffset] ?? 0) >> 4 === 6 ? 0xdd86 : 0x0008,
    outcome: 0,
    outer4: NOTHING_PREPARED,
  };
  setRoute(rig, deviceOf(rig, order.intercept), id);
  leaveOrder(rig, slot);
  try {
    const run = rig.run(program, packet, context);
    const taken = (rig.map("cpus").lookupPerCpu(ZERO) ?? [])
      .map((part) => Cpu.decode(part).handover)
      .find(({ armed }) => !armed);
    assert.ok(taken, "the order was not taken");
    return { ...run, outcome: taken.outcome, throughStack: taken.through_stack !== 0 };
  } finally {
    leaveOrder(rig, NO_ORDER);
  }
}
