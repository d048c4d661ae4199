/**
 * What this kernel can do, found out by trying. Versions are never compared: distributions carry features back, and
 * containers take them away.
 */
import { existsSync } from "node:fs";
import { BpfError, errnoName } from "./errors.js";
import { FileDescriptor } from "./fd.js";
import { captureMessages } from "./ffi/messages.js";
import { native } from "./ffi/native.js";
import { BpfMap } from "./map.js";
import { hasBatch } from "./map-batch.js";
import { isBpffs } from "./pin.js";
import { Attributes, bpfResult } from "./sys/bpf.js";
import { ATTACH_TYPE, ATTR, COMMAND, HELPER, MAP_TYPES, PROGRAM_TYPES } from "./sys/uapi.js";

export interface Feature {
  readonly supported: boolean;
  /** False where the probe could not tell, for want of privileges say; `supported` is then false and means nothing. */
  readonly conclusive: boolean;
  /** Why not, or why it is not known, and what to do. */
  readonly reason?: string;
}

export interface Features {
  /** The kernel takes programs from this process at all. Where it does not, nothing else can be told. */
  readonly load: Feature;
  /** The kernel takes type information (BPF_BTF_LOAD). */
  readonly btf: Feature;
  /** The kernel's own types are there, which CO-RE programs need. */
  readonly kernelBtf: Feature;
  /** Ordered tc programs as links, Linux 6.6. */
  readonly tcx: Feature;
  /** Many map elements a call, Linux 5.6. */
  readonly batch: Feature;
  /** bpf_ktime_get_boot_ns, Linux 5.7. */
  readonly ktimeBootNs: Feature;
  /** Ring buffer maps, Linux 5.8. */
  readonly ringbuf: Feature;
  /** Device maps with arbitrary keys, Linux 5.4. */
  readonly devmapHash: Feature;
  /** A BPF file system at the path asked for. */
  readonly bpffs: Feature;
}

const SUPPORTED: Feature = { supported: true, conclusive: true };

export function features(options: { readonly bpffs?: string } = {}): Features {
  const load = probeLoad();
  const ifLoads = (probe: () => Feature): Feature => (load.supported ? probe() : unknown(load.reason ?? ""));
  return {
    load,
    btf: probeBtf(),
    kernelBtf: probeKernelBtf(),
    tcx: ifLoads(() => probeAttachType(ATTACH_TYPE.TCX_INGRESS, NO_TCX)),
    batch: probeBatch(),
    ktimeBootNs: ifLoads(() => probeHelper(HELPER.ktime_get_boot_ns)),
    ringbuf: ifLoads(() => probeMapType("ringbuf")),
    devmapHash: ifLoads(() => probeMapType("devmap_hash")),
    bpffs: probeBpffs(options.bpffs ?? "/sys/fs/bpf"),
  };
}

function unsupported(reason: string): Feature {
  return { supported: false, conclusive: true, reason };
}

function unknown(reason: string): Feature {
  return { supported: false, conclusive: false, reason };
}

const SCHED_CLS = PROGRAM_TYPES.indexOf("sched_cls");
/** `r0 = 0; exit` */
const TRIVIAL = Buffer.from("b7000000000000009500000000000000", "hex");
const INSTRUCTION_BYTES = 8;

/** A tc program that does nothing, or a negative errno. */
function loadTrivial(): FileDescriptor | number {
  const { result } = captureMessages(() =>
    native().libbpf.bpf_prog_load(SCHED_CLS, "probe", "GPL", TRIVIAL, TRIVIAL.length / INSTRUCTION_BYTES, null),
  );
  return result < 0 ? result : new FileDescriptor(result, "program of a feature probe");
}

function probeLoad(): Feature {
  const program = loadTrivial();
  if (typeof program === "number") return unknown(new BpfError("load a tc program", -program).message);
  program.close();
  return SUPPORTED;
}

const NO_TCX = "the kernel has no tcx (Linux 6.6 has it): clsact filters are the way";
/** Interface that cannot exist. A kernel that knows the attach type looks for it, another refuses the type. */
const NO_INTERFACE = 0xffff_ffff;

/** Whether tc programs can be linked to interfaces with this number of enum bpf_attach_type. */
export function probeAttachType(attachType: number, reason: string): Feature {
  const program = loadTrivial();
  if (typeof program === "number") return unknown(new BpfError("load a tc program", -program).message);
  using held = program;
  const at = ATTR.link_create;
  const attributes = new Attributes()
    .u32(at.prog_fd, held.value)
    .u32(at.target_ifindex, NO_INTERFACE)
    .u32(at.attach_type, attachType);
  const code = errnoName(-bpfResult(COMMAND.LINK_CREATE, attributes));
  if (code === "ENODEV") return SUPPORTED;
  if (code === "EINVAL") return unsupported(reason);
  return unknown(`the probe ended with ${code}`);
}

/** Type information with one integer in it. */
function minimalBtf(): Buffer {
  const strings = Buffer.from("\0int\0");
  const type = Buffer.alloc(16);
  type.writeUInt32LE(1, 0);
  type.writeUInt32LE(1 << 24, 4);
  type.writeUInt32LE(4, 8);
  type.writeUInt32LE(32, 12);
  const header = Buffer.alloc(24);
  header.writeUInt16LE(0xeb9f, 0);
  header.writeUInt8(1, 2);
  header.writeUInt32LE(header.length, 4);
  header.writeUInt32LE(type.length, 12);
  header.writeUInt32LE(type.length, 16);
  header.writeUInt32LE(strings.length, 20);
  return Buffer.concat([header, type, strings]);
}

function probeBtf(): Feature {
  const btf = minimalBtf();
  const { result } = captureMessages(() => native().libbpf.bpf_btf_load(btf, btf.length, null));
  if (result >= 0) {
    new FileDescriptor(result, "types of a feature probe").close();
    return SUPPORTED;
  }
  const error = new BpfError("load type information", -result);
  return error.code === "EINVAL" ? unsupported(error.message) : unknown(error.message);
}

function probeKernelBtf(): Feature {
  const path = "/sys/kernel/btf/vmlinux";
  if (existsSync(path)) return SUPPORTED;
  return unsupported(`${path} is not there: the kernel needs CONFIG_DEBUG_INFO_BTF, the container the host's /sys`);
}

function probeBatch(): Feature {
  try {
    using map = BpfMap.create({ name: "probe", type: "hash", keySize: 4, valueSize: 4, maxEntries: 1 });
    return hasBatch(map) ? SUPPORTED : unsupported("the kernel updates one map element a call (Linux 5.6)");
  } catch (error) {
    return unknown((error as Error).message);
  }
}

function probeMapType(type: (typeof MAP_TYPES)[number]): Feature {
  const { result } = captureMessages(() => native().libbpf.libbpf_probe_bpf_map_type(MAP_TYPES.indexOf(type), null));
  return probed(result, `the kernel has no maps of type ${type}`);
}

function probeHelper(helper: number): Feature {
  const { result } = captureMessages(() => native().libbpf.libbpf_probe_bpf_helper(SCHED_CLS, helper, null));
  return probed(result, `the kernel has no helper ${helper} for tc programs`);
}

/** libbpf's probes say 1, 0 or a negative errno. */
function probed(result: number, reason: string): Feature {
  if (result === 1) return SUPPORTED;
  return result === 0 ? unsupported(reason) : unknown(`the probe ended with ${errnoName(-result)}`);
}

function probeBpffs(path: string): Feature {
  if (isBpffs(path)) return SUPPORTED;
  return unsupported(`${path} is no BPF file system: mount -t bpf bpf ${path}`);
}
