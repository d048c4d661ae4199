/** A loaded program: information, test runs, attaching, pins. */
import { requireInteger, U32_MAX } from "./bytes.js";
import { attachClsact, type ClsactFilter, type ClsactOptions } from "./clsact.js";
import { type FileDescriptor, ownedFd } from "./fd.js";
import { native } from "./ffi/native.js";
import type { Link } from "./link.js";
import { openPin, pinFd, unpinPath } from "./pin.js";
import { attachRawTracepoint } from "./raw-tracepoint.js";
import { cString, objectInfo } from "./sys/bpf.js";
import { INFO, OBJECT_NAME_BYTES, type ProgramType, programTypeName } from "./sys/uapi.js";
import { attachTcx, type TcxOptions } from "./tcx.js";
import { type TestRunOptions, type TestRunResult, testRun } from "./test-run.js";
import { attachXdp, type XdpOptions } from "./xdp.js";

export interface ProgramInfo {
  readonly id: number;
  /** As the kernel has it, cut to 15 characters. */
  readonly name: string;
  /** Hash of the program's instructions, 16 hex digits. */
  readonly tag: string;
  /** Instructions that the verifier went through. */
  readonly verifiedInsns: number;
  /** Bytes of machine code. */
  readonly jitedLen: number;
  /** Bytes of eBPF after the verifier's rewriting. */
  readonly xlatedLen: number;
  /** Nanoseconds of all runs while statistics were on (`enableStats`). */
  readonly runTimeNs: bigint;
  /** Runs while statistics were on. */
  readonly runCnt: bigint;
}

export class BpfProgram implements Disposable {
  readonly id: number;
  readonly type: ProgramType;
  readonly name: string;
  readonly #fd: FileDescriptor;

  /** Takes `fd` over, also where it throws. `name` overrides the kernel's, which is cut to 15 characters. */
  constructor(
    fd: FileDescriptor,
    name?: string,
    /** ELF section that it came from, where it came from an object file. */
    readonly section?: string,
  ) {
    this.#fd = fd;
    try {
      const info = objectInfo(fd.value, fd.what);
      this.id = info.readUInt32LE(INFO.bpf_prog_info.id);
      this.type = programTypeName(info.readUInt32LE(INFO.bpf_prog_info.type));
      this.name = name ?? cString(info, INFO.bpf_prog_info.name, OBJECT_NAME_BYTES);
    } catch (error) {
      fd.close();
      throw error;
    }
  }

  static openPinned(path: string): BpfProgram {
    return new BpfProgram(openPin(path, "program"));
  }

  /** Opens the program with this id, e.g. one that `queryTcx` named. */
  static openById(id: number): BpfProgram {
    requireInteger(id, 1, U32_MAX, "program id");
    const fd = native().libbpf.bpf_prog_get_fd_by_id(id);
    return new BpfProgram(ownedFd(fd, `program ${id}`, `open the program with id ${id}`));
  }

  get fd(): number {
    return this.#fd.value;
  }

  info(): ProgramInfo {
    const info = objectInfo(this.fd, this.what);
    const at = INFO.bpf_prog_info;
    return {
      id: info.readUInt32LE(at.id),
      name: cString(info, at.name, OBJECT_NAME_BYTES),
      tag: info.toString("hex", at.tag, at.tag + 8),
      verifiedInsns: info.readUInt32LE(at.verified_insns),
      jitedLen: info.readUInt32LE(at.jited_prog_len),
      xlatedLen: info.readUInt32LE(at.xlated_prog_len),
      runTimeNs: info.readBigUInt64LE(at.run_time_ns),
      runCnt: info.readBigUInt64LE(at.run_cnt),
    };
  }

  testRun(options: TestRunOptions): TestRunResult {
    return testRun(this.fd, this.what, options);
  }

  /** Puts a tc program into the interface's tcx chain (Linux 6.6). */
  attachTcx(options: TcxOptions): Link {
    return attachTcx(this, options);
  }

  /** Makes this the interface's XDP program. */
  attachXdp(options: XdpOptions): Link {
    return attachXdp(this, options);
  }

  /** Adds a tc program as a classic filter, for kernels without tcx. */
  attachClsact(options: ClsactOptions): ClsactFilter {
    return attachClsact(this, options);
  }

  /** Has a raw tracepoint program run where the kernel passes this tracepoint. */
  attachRawTracepoint(name: string): Link {
    return attachRawTracepoint(this, name);
  }

  pin(path: string): void {
    pinFd(this.fd, path, this.what);
  }

  unpin(path: string): boolean {
    return unpinPath(path);
  }

  close(): void {
    this.#fd.close();
  }

  [Symbol.dispose](): void {
    this.close();
  }

  /** For error texts. */
  get what(): string {
    return `program "${this.name}"`;
  }
}
