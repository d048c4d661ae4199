/** TUN devices (Linux's Documentation/networking/tuntap.rst). */
import { closeSync, openSync } from "node:fs";
import { lastErrno, libc } from "./libc.js";

const CONTROL_DEVICE = "/dev/net/tun";
const TUNSETIFF = 0x400454ca;
const TUNSETPERSIST = 0x400454cb;
const IFF_TUN = 0x0001;
const IFF_NO_PI = 0x1000;
const NAME_BYTES = 16;
const IFREQ_BYTES = 40;

/** Makes a device that stays when nothing has it open, where it is not there yet. Throws Error with the remedy. */
export function createPersistentTun(name: string): void {
  const fd = openControlDevice(name);
  try {
    const request = Buffer.alloc(IFREQ_BYTES);
    request.write(name.slice(0, NAME_BYTES - 1), "ascii");
    request.writeUInt16LE(IFF_TUN | IFF_NO_PI, NAME_BYTES);
    // TUNSETPERSIST reads its argument's value, not memory: any pointer but NULL means yes.
    if (libc().ioctl(fd, TUNSETIFF, request) !== 0 || libc().ioctl(fd, TUNSETPERSIST, request) !== 0)
      throw new Error(`The TUN device ${name} cannot be made (${lastErrno()}): the process needs CAP_NET_ADMIN.`);
  } finally {
    closeSync(fd);
  }
}

function openControlDevice(name: string): number {
  try {
    return openSync(CONTROL_DEVICE, "r+");
  } catch (cause) {
    throw new Error(
      `The TUN device ${name} cannot be made: ${CONTROL_DEVICE} cannot be opened (${(cause as NodeJS.ErrnoException).code}). Load the kernel's module tun, and give the container the device ${CONTROL_DEVICE}.`,
      { cause },
    );
  }
}
