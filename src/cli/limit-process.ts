import type { Config } from "../config/schema.js";
import { beginAnew, hasRoomForTheYoung } from "../security/process/begin-anew.js";
import { hardenProcess } from "../security/process/harden.js";
import { type Capability, keepFromChildren, keepOnly } from "../security/process/privileges.js";

/**
 * Begins the program anew with these capabilities alone where it has more, and with a heap for a daemon; closes it to
 * others.
 */
export function limitProcess({ security }: Pick<Config, "security">, keep: readonly Capability[]): void {
  const dropped = security.dropPrivileges ? keepOnly(keep) : "minimal";
  if (!hasRoomForTheYoung()) beginAnew();
  if (dropped === "not-allowed") {
    process.stderr.write(
      "submirror: goes on with more capabilities than it needs, since it lacks CAP_SETPCAP to drop them: give it no others\n",
    );
  }
  keepFromChildren();
  hardenProcess();
}
