/** Offloads of an interface (ethtool(8), SIOCETHTOOL). */
import koffi from "koffi";
import { AF_INET } from "./datagrams.js";
import { libc } from "./libc.js";

const SOCK_DGRAM = 2;
const SIOCETHTOOL = 0x8946;
const ETHTOOL_STXCSUM = 0x17;
const NAME_BYTES = 16;
/** `struct ifreq`: the name, then a pointer to the command. */
const IFREQ_BYTES = 40;

/** Has the kernel complete checksums before packets leave by `name`. Throws where the interface does not take it. */
export function switchOffTransmitChecksum(name: string): void {
  const calls = libc();
  const command = Buffer.alloc(8);
  command.writeUInt32LE(ETHTOOL_STXCSUM, 0);
  const request = Buffer.alloc(IFREQ_BYTES);
  request.write(name.slice(0, NAME_BYTES - 1), "ascii");
  request.writeBigUInt64LE(koffi.address(command), NAME_BYTES);
  const fd = calls.socket(AF_INET, SOCK_DGRAM, 0);
  if (fd < 0) throw new Error(`The offloads of ${name} cannot be set: no socket.`);
  try {
    if (calls.ioctl(fd, SIOCETHTOOL, request) !== 0)
      throw new Error(`The transmit checksum of ${name} cannot be switched off.`);
  } finally {
    calls.close(fd);
  }
}
