/** The compiled eBPF programs of the tests. */
import { fileURLToPath } from "node:url";
import { BpfObject } from "../../src/index.js";

/** The package's folder; compiled tests are in dist/test/helpers. */
export const PACKAGE = fileURLToPath(new URL("../../..", import.meta.url));

export function objectPath(name: string): string {
  return `${PACKAGE}build/${name}.bpf.o`;
}

/** maps.bpf.o, loaded as it is. */
export function loadMaps(): BpfObject {
  return BpfObject.open(objectPath("maps")).load();
}

export function u32(value: number): Buffer {
  const buffer = Buffer.alloc(4);
  buffer.writeUInt32LE(value);
  return buffer;
}

export function u64(value: bigint): Buffer {
  const buffer = Buffer.alloc(8);
  buffer.writeBigUInt64LE(value);
  return buffer;
}

/** An Ethernet frame of 64 bytes, all zero: enough for the tests' programs. */
export const FRAME = Buffer.alloc(64);
