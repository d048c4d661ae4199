/** Which mode a configuration may run in: strict anywhere, lab on this host's loopback alone. */
import { natsServers } from "../config/nats-servers.js";
import type { Config } from "../config/schema.js";
import { isLoopback, parseAddress } from "../net/addresses.js";

/** One sentence where the configuration must not run, with what to do. */
export function checkSecurityMode(config: Pick<Config, "nats" | "security">): string | undefined {
  if (config.security.mode !== "lab" || config.nats.embedded) return undefined;
  if (natsServers(config.nats).every(isLoopbackServer)) return undefined;
  return "security.mode lab accepts plain instructions and is refused where NATS is not on this host's loopback: set security.mode to strict, or nats.embedded to true";
}

function isLoopbackServer(server: string): boolean {
  const url = new URL(server.includes("://") ? server : `nats://${server}`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (host === "localhost") return true;
  const address = parseAddress(host);
  return address !== undefined && isLoopback(address);
}
