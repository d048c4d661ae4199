/** Offloads of an interface (ethtool(8), SIOCETHTOOL). */
import koffi from "koffi";
import { AF_INET } from "./datagrams.js";
import { libc } from "./libc.js";

const SOCK_DGRAM = 2;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_STXCSUM = 0x17;
const ETHTOOL_GSTRINGS = 0x1b;
const ETHTOOL_GSSET_INFO = 0x37;
const ETHTOOL_GFEATURES = 0x3a;
const ETH_SS_FEATURES = 4;
const ETH_GSTRING_BYTES = 32;
/** Of `struct ethtool_get_features_block`: which it has, which are wanted, which are on, which never change. */
const FEATURE_BLOCK_BYTES = 16;
const FEATURES_ON = 8;
const NAME_BYTES = 16;
/** `struct ifreq`: the name, then a pointer to the command. */
const IFREQ_BYTES = 40;

/** Has the kernel complete checksums before packets leave by `name`. Throws where the interface does not take it. */
export function switchOffTransmitChecksum(name: string): void {
  const command = Buffer.alloc(8);
  command.writeUInt32LE(ETHTOOL_STXCSUM, 0);
  if (!ask(name, command)) throw new Error(`The transmit checksum of ${name} cannot be switched off.`);
}

/** Offloads by which a card takes a tag off a frame before anything, XDP included, sees it; as ethtool calls them. */
const STRIPPING = { "rx-vlan-hw-parse": "rxvlan", "rx-vlan-stag-hw-parse": "rx-vlan-stag-hw-parse" } as const;

/** Those that are on, in the names by which `ethtool -K` switches them. Undefined where the kernel does not say. */
export function tagStripping(name: string): string[] | undefined {
  const features = featureNames(name);
  if (features === undefined) return undefined;
  const blocks = Math.ceil(features.length / 32);
  const command = Buffer.alloc(8 + blocks * FEATURE_BLOCK_BYTES);
  command.writeUInt32LE(ETHTOOL_GFEATURES, 0);
  command.writeUInt32LE(blocks, 4);
  if (!ask(name, command)) return undefined;
  const isOn = (bit: number): boolean =>
    bit >= 0 && ((command.readUInt32LE(8 + (bit >> 5) * FEATURE_BLOCK_BYTES + FEATURES_ON) >>> (bit & 31)) & 1) === 1;
  return Object.entries(STRIPPING).flatMap(([feature, option]) => (isOn(features.indexOf(feature)) ? [option] : []));
}

let knownFeatures: readonly string[] | undefined;

/** In the order of their bits; the running kernel's, whatever the interface. */
function featureNames(name: string): readonly string[] | undefined {
  if (knownFeatures !== undefined) return knownFeatures;
  const info = Buffer.alloc(20);
  info.writeUInt32LE(ETHTOOL_GSSET_INFO, 0);
  info.writeBigUInt64LE(1n << BigInt(ETH_SS_FEATURES), 8);
  if (!ask(name, info)) return undefined;
  const count = info.readUInt32LE(16);
  const strings = Buffer.alloc(12 + count * ETH_GSTRING_BYTES);
  strings.writeUInt32LE(ETHTOOL_GSTRINGS, 0);
  strings.writeUInt32LE(ETH_SS_FEATURES, 4);
  if (count === 0 || !ask(name, strings)) return undefined;
  knownFeatures = Array.from({ length: count }, (_, index) => {
    const at = 12 + index * ETH_GSTRING_BYTES;
    return strings.toString("ascii", at, at + ETH_GSTRING_BYTES).replace(/\0.*$/s, "");
  });
  return knownFeatures;
}

/** The kernel's answer is in `command`. False where it refuses, or there is no such interface. Throws without a socket. */
function ask(name: string, command: Buffer): boolean {
  const calls = libc();
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name.slice(0, NAME_BYTES - 1), "ascii");
  request.writeBigUInt64LE(koffi.address(command), NAME_BYTES);
  const fd = calls.socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) throw new Error(`The kernel cannot be asked for the offloads of ${name}: no socket.`);
  try {
    return calls.ioctl(fd, SIOCETHTOOL, request) === 0;
  } finally {
    calls.close(fd);
  }
}
