/** BPF_PROG_TEST_RUN: runs a program in the kernel on given bytes. */
import { requireInteger, U32_MAX } from "./bytes.js";
import { BpfUsageError } from "./errors.js";
import { Attributes, bpf } from "./sys/bpf.js";
import { ATTR, COMMAND, TEST_FLAG } from "./sys/uapi.js";

export interface TestRunOptions {
  /** The packet, from its Ethernet header on: at least 14 bytes for tc and XDP. */
  readonly data: Buffer;
  /** The context to start from: `struct xdp_md` (24 bytes) or `struct __sk_buff` (192 bytes). */
  readonly ctx?: Buffer;
  /** Runs in a row on the same packet; 1 unless given. What the program changes in it stays changed. */
  readonly repeat?: number;
  /** Room for the resulting packet; the packet's length and 512 bytes unless given. */
  readonly dataOutSize?: number;
  /** CPU to run on; only program types that allow it (not tc, not XDP). */
  readonly cpu?: number;
  /** Further BPF_F_TEST_* flags. */
  readonly flags?: number;
  /**
   * XDP only: the packets are really sent where the verdict says, `repeat` of them, and nothing is returned.
   * Pages come back as they were left, so the program must rewrite what it changed.
   */
  readonly liveFrames?: boolean;
  /** Live frames: packets at a time, 64 unless given, 256 at most. */
  readonly batchSize?: number;
}

export interface TestRunResult {
  /** The program's return value; a negative verdict reads as 2^32 less it (TC_ACT_UNSPEC is 0xffffffff). */
  readonly retval: number;
  /** The packet as the program left it. */
  readonly data: Buffer;
  /** The context as the program left it, where one was given. */
  readonly ctx?: Buffer;
  /** Mean time of one run in nanoseconds, as the kernel measured it. */
  readonly durationNs: number;
}

const EXTRA_ROOM = 512;
const MAX_REPEAT = 0x7fff_ffff;
const NOTHING = Buffer.alloc(0);

const REMEDIES = {
  ENOSPC: "the resulting packet is larger than dataOutSize: raise it",
  EINVAL: "the packet may be too short for the program's type (14 bytes for tc and XDP), or an option not for it",
};

export function testRun(programFd: number, what: string, options: TestRunOptions): TestRunResult {
  const { data, ctx = NOTHING, liveFrames = false } = options;
  checkOptions(options);
  const dataOut = liveFrames ? NOTHING : Buffer.alloc(options.dataOutSize ?? data.length + EXTRA_ROOM);
  const ctxOut = liveFrames ? NOTHING : Buffer.alloc(ctx.length);
  const at = ATTR.test;
  const attributes = new Attributes()
    .u32(at.prog_fd, programFd)
    .u32(at.data_size_in, data.length)
    .u32(at.data_size_out, dataOut.length)
    .pointer(at.data_in, data)
    .pointer(at.data_out, dataOut)
    .u32(at.repeat, options.repeat ?? 1)
    .u32(at.ctx_size_in, ctx.length)
    .u32(at.ctx_size_out, ctxOut.length)
    .pointer(at.ctx_in, ctx)
    .pointer(at.ctx_out, ctxOut)
    .u32(at.flags, (options.flags ?? 0) | (liveFrames ? TEST_FLAG.XDP_LIVE_FRAMES : 0))
    .u32(at.cpu, options.cpu ?? 0)
    .u32(at.batch_size, options.batchSize ?? 0);
  bpf(COMMAND.PROG_TEST_RUN, attributes, `test run of ${what}`, { remedies: REMEDIES });
  const out = attributes.bytes;
  return {
    retval: out.readUInt32LE(at.retval),
    data: dataOut.subarray(0, out.readUInt32LE(at.data_size_out)),
    ...(ctx.length > 0 && !liveFrames ? { ctx: ctxOut.subarray(0, out.readUInt32LE(at.ctx_size_out)) } : {}),
    durationNs: out.readUInt32LE(at.duration),
  };
}

function checkOptions(options: TestRunOptions): void {
  if (!Buffer.isBuffer(options.data)) throw new BpfUsageError("test run: data must be a Buffer");
  if (options.ctx !== undefined && !Buffer.isBuffer(options.ctx)) {
    throw new BpfUsageError("test run: ctx must be a Buffer");
  }
  requireInteger(options.repeat ?? 1, 1, MAX_REPEAT, "test run: repeat");
  requireInteger(options.dataOutSize ?? 0, 0, MAX_REPEAT, "test run: dataOutSize");
  requireInteger(options.flags ?? 0, 0, U32_MAX, "test run: flags");
  requireInteger(options.cpu ?? 0, 0, U32_MAX, "test run: cpu");
  requireInteger(options.batchSize ?? 0, 0, U32_MAX, "test run: batchSize");
}
