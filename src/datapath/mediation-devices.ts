/** The mediation devices in the kernel's table, each as it is reached from one source address. */
import type { BpfMap } from "libbpf-ts";
import type { IpAddress } from "../net/addresses.js";
import { encodeDevice } from "./encode.js";
import { DeviceFlags, MediationDevice } from "./layout.gen.js";
import type { MediationPeer } from "./next-hops.js";
import type { DatapathOptions } from "./options.js";
import { SharedRows } from "./registers.js";

export interface DeviceSurroundings {
  /** Makes the IPsec policies known that are in force now. */
  lookAtPolicies(): void;
  /** Whether copies may be under an IPsec policy. They then go through the stack, which alone applies it. */
  isUnderPolicy(peer: MediationPeer): boolean;
  /** A device came into use. */
  appeared(peer: MediationPeer): void;
}

function peerOf(row: MediationDevice): MediationPeer {
  const address = (bytes: Buffer): IpAddress =>
    row.flags & DeviceFlags.DEVICE_IPV6
      ? { family: 6, bytes: Buffer.from(bytes) }
      : { family: 4, bytes: Buffer.from(bytes.subarray(0, 4)) };
  return { source: address(row.source), destination: address(row.destination) };
}

/** Addresses whose row is kept: there are few mediation devices, and many intercepts of each. */
const MAX_KNOWN = 4096;

export class MediationDevices {
  readonly #rows: SharedRows;
  readonly #known = new Map<string, Buffer>();

  constructor(
    map: BpfMap,
    private readonly options: DatapathOptions["mediation"],
    private readonly surroundings: DeviceSurroundings,
  ) {
    this.#rows = new SharedRows(map, "mediation devices", "mediation.address", {
      written: (row) => {
        this.surroundings.lookAtPolicies();
        return this.#withPolicy(row);
      },
      identity: (row) => this.#withFlag(row, false),
    });
  }

  get used(): number {
    return this.#rows.used;
  }

  get capacity(): number {
    return this.#rows.capacity;
  }

  /** The device's index. Throws DatapathError. */
  take(address: string): number {
    const row = this.#rowOf(address);
    const before = this.#rows.used;
    const slot = this.#rows.take(row);
    if (this.#rows.used > before) this.surroundings.appeared(peerOf(MediationDevice.decode(row)));
    return slot;
  }

  /** Nobody writes into what this returns. */
  #rowOf(address: string): Buffer {
    const known = this.#known.get(address);
    if (known !== undefined) return known;
    const row = encodeDevice(address, this.options);
    if (this.#known.size >= MAX_KNOWN) this.#known.clear();
    this.#known.set(address, row);
    return row;
  }

  release(slot: number): void {
    this.#rows.release(slot);
  }

  adopt(used: readonly number[]): void {
    this.#rows.adopt(used);
  }

  /** Those in use. */
  peers(): MediationPeer[] {
    return this.#rows.rows().map((row) => peerOf(MediationDevice.decode(row)));
  }

  /** Policies have changed. */
  followPolicies(): void {
    this.#rows.rewrite((row) => this.#withPolicy(row));
  }

  #withPolicy(row: Buffer): Buffer {
    return this.#withFlag(row, this.surroundings.isUnderPolicy(peerOf(MediationDevice.decode(row))));
  }

  #withFlag(row: Buffer, underPolicy: boolean): Buffer {
    const device = MediationDevice.decode(row);
    const others = device.flags & ~DeviceFlags.DEVICE_IPSEC;
    return MediationDevice.encode({ ...device, flags: others | (underPolicy ? DeviceFlags.DEVICE_IPSEC : 0) });
  }
}
