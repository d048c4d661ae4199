/** The kernel's network settings of this namespace (Documentation/networking/ip-sysctl.rst). */
import { existsSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export const KERNEL_SETTINGS = "/proc/sys/net";

export class KernelSettings {
  /** `directory`: where they can be written. Container runtimes mount /proc/sys read-only, so it may lie elsewhere. */
  constructor(private readonly directory: string = KERNEL_SETTINGS) {}

  get(name: string): string {
    return readFileSync(join(this.directory, name), "utf8").trim();
  }

  /** Writes what is not so already; does nothing where this kernel has no such setting. Throws Error with the remedy. */
  set(name: string, value: string): void {
    const file = join(this.directory, name);
    if (!existsSync(file) || this.get(name) === value) return;
    try {
      writeFileSync(file, value);
    } catch (cause) {
      const { code } = cause as NodeJS.ErrnoException;
      throw new Error(
        `${file} cannot be set to ${value} (${code}): in a container, mount the node's ${KERNEL_SETTINGS} writable somewhere and name that place in datapath.settingsDirectory`,
        { cause },
      );
    }
  }
}
