/** libbpf-ts: object files, maps, programs, links, pins and type information of eBPF, over libbpf. */
export { parseBtf } from "./btf/parse.js";
export {
  type BtfComposite,
  BtfError,
  type BtfType,
  BtfTypes,
  type GlobalVariable,
  type StructLayout,
  type TypeId,
} from "./btf/types.js";
export { ClsactFilter, type ClsactOptions, type ClsactPlace, removeClsact } from "./clsact.js";
export { possibleCpus } from "./cpus.js";
export {
  BpfBatchError,
  BpfError,
  BpfUsageError,
  errnoName,
  LibbpfMissingError,
  summarizeVerifierLog,
  VerifierError,
} from "./errors.js";
export { FileDescriptor, type OpenResource, openResources, trackResources } from "./fd.js";
export { type Feature, type Features, features } from "./features.js";
export { type Attachment, Link, type LinkAttachType, type LinkInfo, type ProgramRef } from "./link.js";
export type { LoadedObject } from "./loaded.js";
export { BpfMap, type MapDefinition, type UpdateMode } from "./map.js";
export type { BatchOptions, Block } from "./map-batch.js";
export { BpfObject } from "./object.js";
export { isBpffs } from "./pin.js";
export { BpfProgram, type ProgramInfo } from "./program.js";
export { type RecordHandler, RingBuffer } from "./ringbuf.js";
export type { MapSpec, ObjectSpec, ProgramSpec } from "./spec.js";
export { enableStats } from "./stats.js";
export type { MapType, ProgramType } from "./sys/uapi.js";
export {
  type Direction,
  queryTcx,
  type TcxAnchor,
  type TcxChain,
  type TcxEntry,
  type TcxOptions,
  type TcxPlace,
} from "./tcx.js";
export type { TestRunOptions, TestRunResult } from "./test-run.js";
export type { XdpMode, XdpOptions } from "./xdp.js";
