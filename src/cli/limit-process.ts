import type { Config } from "../config/schema.js";
import { beginAnew, type Daemon, hasRoomForTheYoung } from "../security/process/begin-anew.js";
import { hardenProcess } from "../security/process/harden.js";
import { type Capability, keepFromChildren, keepOnly } from "../security/process/privileges.js";

/**
 * Begins the program anew with these capabilities alone where it has more, and with a heap for a daemon; closes it to
 * others.
 */
export function limitProcess(
  daemon: Daemon,
  { security }: Pick<Config, "security">,
  keep: readonly Capability[],
): void {
  const again = (): never => beginAnew(daemon);
  const dropped = security.dropPrivileges ? keepOnly(keep, again) : "minimal";
  if (!hasRoomForTheYoung()) again();
  if (dropped === "not-allowed") {
    process.stderr.write(
      "submirror: goes on with more capabilities than it needs, since it lacks CAP_SETPCAP to drop them: give it no others\n",
    );
  }
  keepFromChildren();
  hardenProcess();
}
