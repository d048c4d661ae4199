import type { Config } from "../config/schema.js";
import { hardenProcess } from "../security/process/harden.js";
import { type Capability, keepFromChildren, keepOnly } from "../security/process/privileges.js";

/** Begins the program anew with these capabilities alone where it has more, and closes it to others. */
export function limitProcess({ security }: Pick<Config, "security">, keep: readonly Capability[]): void {
  if (security.dropPrivileges && keepOnly(keep) === "not-allowed") {
    process.stderr.write(
      "submirror: goes on with more capabilities than it needs, since it lacks CAP_SETPCAP to drop them: give it no others\n",
    );
  }
  keepFromChildren();
  hardenProcess();
}
