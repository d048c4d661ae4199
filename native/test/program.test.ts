import assert from "node:assert/strict";
import { after, describe, it } from "node:test";
import { BpfError, BpfProgram, BpfUsageError, enableStats } from "../src/index.js";
import { failOnLeaks } from "./helpers/leaks.js";
import { FRAME, loadMaps, u32, u64 } from "./helpers/objects.js";

failOnLeaks();

const object = loadMaps();
after(() => object.close());

const SK_BUFF_BYTES = 192;
/** Offset of `mark` in struct __sk_buff. */
const MARK = 8;

describe("a test run", () => {
  it("gives the verdict and the packet as it is afterwards", () => {
    const frame = Buffer.from(Array.from({ length: 64 }, (_, i) => i));
    const { retval, data, durationNs, ctx } = object.program("shorten").testRun({ data: frame });
    assert.equal(retval, 2, "XDP_PASS");
    assert.deepEqual(data, frame.subarray(14));
    assert.ok(durationNs >= 0);
    assert.equal(ctx, undefined);
  });

  it("gives a negative verdict as 32 bits without sign", () => {
    assert.equal(object.program("count").testRun({ data: FRAME }).retval, 0xffff_ffff);
  });

  it("repeats", () => {
    const numbers = object.map("numbers");
    numbers.update(u32(0), u64(0n));
    object.program("count").testRun({ data: FRAME, repeat: 1000 });
    assert.deepEqual(numbers.lookup(u32(0)), u64(1000n));
  });

  it("takes and gives a context", () => {
    const ctx = Buffer.alloc(SK_BUFF_BYTES);
    ctx.writeUInt32LE(0xabc, MARK);
    const result = object.program("count").testRun({ data: FRAME, ctx });
    assert.equal(result.ctx?.length, SK_BUFF_BYTES);
    assert.equal(result.ctx.readUInt32LE(MARK), 0xabc);
  });

  it("says that the room for the packet is too small", () => {
    assert.throws(
      () => object.program("count").testRun({ data: FRAME, dataOutSize: 10 }),
      (error) => error instanceof BpfError && error.code === "ENOSPC" && /larger than dataOutSize/.test(error.message),
    );
  });

  it("refuses a packet without an Ethernet header", () => {
    assert.throws(
      () => object.program("count").testRun({ data: Buffer.alloc(4) }),
      (error) => error instanceof BpfError && error.code === "EINVAL" && /too short/.test(error.message),
    );
    assert.throws(() => object.program("count").testRun({ data: Buffer.alloc(0) }), BpfError);
  });

  it("refuses arguments that must not reach the kernel", () => {
    const program = object.program("count");
    assert.throws(() => program.testRun({ data: undefined as unknown as Buffer }), BpfUsageError);
    assert.throws(() => program.testRun({ data: FRAME, ctx: [] as unknown as Buffer }), BpfUsageError);
    assert.throws(() => program.testRun({ data: FRAME, repeat: 0 }), BpfUsageError);
    assert.throws(() => program.testRun({ data: FRAME, dataOutSize: -1 }), BpfUsageError);
  });

  it("sends live frames", () => {
    const { retval, data } = object.program("drop").testRun({ data: FRAME, liveFrames: true, repeat: 256 });
    assert.equal(retval, 0);
    assert.equal(data.length, 0);
  });
});

describe("a program", () => {
  it("tells about itself", () => {
    const program = object.program("write_everything");
    const info = program.info();
    assert.equal(info.id, program.id);
    assert.equal(info.name, "write_everythin", "15 characters reach the kernel");
    assert.match(info.tag, /^[0-9a-f]{16}$/);
    assert.ok(info.verifiedInsns > 10 && info.verifiedInsns < 10_000, String(info.verifiedInsns));
    assert.ok(info.xlatedLen > 0 && info.xlatedLen % 8 === 0);
    assert.ok(info.jitedLen > 0);
  });

  it("counts its runs while statistics are on", () => {
    const program = object.program("report");
    const before = program.info().runCnt;
    {
      using _statistics = enableStats();
      program.testRun({ data: FRAME, repeat: 50 });
    }
    const { runCnt, runTimeNs } = program.info();
    assert.equal(runCnt - before, 50n);
    assert.ok(runTimeNs > 0n);
  });

  it("is opened by its id", () => {
    using again = BpfProgram.openById(object.program("drop").id);
    assert.equal(again.name, "drop");
    assert.equal(again.type, "xdp");
    assert.throws(() => BpfProgram.openById(0xfffffff0), BpfError);
  });
});
