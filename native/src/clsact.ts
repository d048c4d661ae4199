/** Classic tc filters on the clsact qdisc, for kernels without tcx. They outlive the process that made them. */
import { requireIfindex, requireInteger, U32_MAX } from "./bytes.js";
import { BpfError, BpfUsageError } from "./errors.js";
import { captureMessages, lastMessage } from "./ffi/messages.js";
import { native } from "./ffi/native.js";
import type { Attachment, ProgramRef } from "./link.js";
import type { Direction } from "./tcx.js";

const EEXIST = 17;
const ENOENT = 2;
const EINVAL = 22;

/** enum bpf_tc_attach_point */
const POINTS: Readonly<Record<Direction, number>> = { ingress: 1, egress: 2 };
const BOTH_POINTS = 3;
/** Flag of bpf_tc_attach. */
const REPLACE = 1;
const MAX_PRIORITY = 0xffff;

/** `struct bpf_tc_hook` of libbpf: sz (8), ifindex, attach_point, parent. */
const HOOK = { bytes: 24, ifindex: 8, attach_point: 12 } as const;
/** `struct bpf_tc_opts` of libbpf: sz (8), prog_fd, flags, prog_id, handle, priority. */
const OPTS = { bytes: 32, prog_fd: 8, flags: 12, prog_id: 16, handle: 20, priority: 24 } as const;

export interface ClsactPlace {
  readonly ifindex: number;
  readonly direction: Direction;
  /** Filters run in the order of their priorities, 1 first. */
  readonly priority: number;
  readonly handle: number;
}

export interface ClsactOptions extends Omit<ClsactPlace, "priority" | "handle"> {
  /** The kernel takes one where it is left out. */
  readonly priority?: number;
  readonly handle?: number;
}

/** A filter in its place. Holds nothing of the process: closing it leaves the filter where it is. */
export class ClsactFilter implements Attachment {
  constructor(readonly place: ClsactPlace) {}

  /** Id of the program that runs there, or undefined where the filter is gone. */
  progId(): number | undefined {
    const options = tcOptions(this.place);
    const result = call("bpf_tc_query", this.place, options);
    // EINVAL: there is no clsact qdisc any more.
    if (result.code === -ENOENT || result.code === -EINVAL) return undefined;
    if (result.code < 0) throw failure(`query of ${this.what}`, result);
    return options.readUInt32LE(OPTS.prog_id);
  }

  update(program: ProgramRef): void {
    const options = tcOptions(this.place, program, REPLACE);
    const result = call("bpf_tc_attach", this.place, options);
    if (result.code < 0) throw failure(`replace the program of ${this.what}`, result);
  }

  /** Removes the filter and leaves the qdisc, which others may use. */
  detach(): void {
    const result = call("bpf_tc_detach", this.place, tcOptions(this.place));
    if (result.code < 0 && result.code !== -ENOENT) throw failure(`detach ${this.what}`, result);
  }

  close(): void {}

  [Symbol.dispose](): void {
    this.close();
  }

  /** For error texts. */
  get what(): string {
    return `clsact ${this.place.direction} filter on interface ${this.place.ifindex}`;
  }
}

export function attachClsact(program: ProgramRef, options: ClsactOptions): ClsactFilter {
  const { ifindex, direction, priority = 0, handle = 0 } = options;
  const place = { ifindex, direction, priority, handle };
  checkPlace(place);
  const created = captureMessages(() => native().libbpf.bpf_tc_hook_create(hook(place)));
  if (created.result < 0 && created.result !== -EEXIST) {
    throw failure(`create the clsact qdisc on interface ${ifindex}`, {
      code: created.result,
      message: lastMessage(created.messages),
    });
  }
  const opts = tcOptions(place, program);
  const result = call("bpf_tc_attach", place, opts);
  if (result.code < 0) throw failure(`attach a clsact ${direction} filter on interface ${ifindex}`, result);
  return new ClsactFilter({
    ...place,
    handle: opts.readUInt32LE(OPTS.handle),
    priority: opts.readUInt32LE(OPTS.priority),
  });
}

/** Removes the clsact qdisc with all filters on it, whoever made them. False where there was none. */
export function removeClsact(ifindex: number): boolean {
  requireIfindex(ifindex);
  const bytes = hook({ ifindex, direction: "ingress" });
  bytes.writeUInt32LE(BOTH_POINTS, HOOK.attach_point);
  const { result, messages } = captureMessages(() => native().libbpf.bpf_tc_hook_destroy(bytes));
  if (result === -ENOENT || result === -EINVAL) return false;
  if (result < 0) {
    throw failure(`remove the clsact qdisc of interface ${ifindex}`, { code: result, message: lastMessage(messages) });
  }
  return true;
}

interface TcResult {
  readonly code: number;
  readonly message: string | undefined;
}

function call(name: "bpf_tc_attach" | "bpf_tc_detach" | "bpf_tc_query", place: ClsactPlace, options: Buffer): TcResult {
  const { libbpf } = native();
  const { result, messages } = captureMessages(() => libbpf[name](hook(place), options));
  return { code: result, message: lastMessage(messages) };
}

function failure(operation: string, result: TcResult): BpfError {
  return new BpfError(operation, -result.code, { detail: result.message });
}

function hook(place: Pick<ClsactPlace, "ifindex" | "direction">): Buffer {
  const bytes = Buffer.alloc(HOOK.bytes);
  bytes.writeBigUInt64LE(BigInt(HOOK.bytes), 0);
  bytes.writeInt32LE(place.ifindex, HOOK.ifindex);
  bytes.writeUInt32LE(POINTS[place.direction], HOOK.attach_point);
  return bytes;
}

function tcOptions(place: ClsactPlace, program?: ProgramRef, flags = 0): Buffer {
  const bytes = Buffer.alloc(OPTS.bytes);
  bytes.writeBigUInt64LE(BigInt(OPTS.bytes), 0);
  bytes.writeInt32LE(program?.fd ?? 0, OPTS.prog_fd);
  bytes.writeUInt32LE(flags, OPTS.flags);
  bytes.writeUInt32LE(place.handle, OPTS.handle);
  bytes.writeUInt32LE(place.priority, OPTS.priority);
  return bytes;
}

function checkPlace(place: ClsactPlace): void {
  requireIfindex(place.ifindex);
  if (POINTS[place.direction] === undefined) throw new BpfUsageError(`direction: "ingress" or "egress" expected`);
  requireInteger(place.priority, 0, MAX_PRIORITY, "priority");
  requireInteger(place.handle, 0, U32_MAX, "handle");
}
