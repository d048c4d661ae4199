/** Which instructions count: sealed and signed ones (strict), or plain ones too (lab, on this host's loopback alone). */
import { natsServers } from "../config/nats-servers.js";
import type { Config } from "../config/schema.js";
import { EventError } from "../events/errors.js";
import type { EventLi } from "../events/li.js";
import { ERROR_CAUSE } from "../events/types.js";
import { isLoopback, parseAddress } from "../net/addresses.js";

/** Turns an instruction as it came into one that may be carried out, or into its refusal. */
export interface Authorizer {
  authorize(li: EventLi): EventLi;
}

/** One sentence where the configuration must not run, with what to do. */
export function checkSecurityMode(config: Pick<Config, "nats" | "security">): string | undefined {
  if (config.security.mode !== "lab" || config.nats.embedded) return undefined;
  if (natsServers(config.nats).every(isLoopbackServer)) return undefined;
  return "security.mode lab accepts plain instructions and is refused where NATS is not on this host's loopback: set security.mode to strict, or nats.embedded to true";
}

export function authorizerOf(mode: Config["security"]["mode"]): Authorizer {
  return mode === "lab" ? { authorize: refuseSealed } : { authorize: refuseAll };
}

function refuseAll(li: EventLi): EventLi {
  if (li.kind === "plain") {
    return refuse("the instruction was not sealed and signed, which security.mode strict demands");
  }
  return refuseSealed(li);
}

function refuseSealed(li: EventLi): EventLi {
  return li.kind === "sealed" ? refuse("this version cannot open sealed instructions") : li;
}

function refuse(message: string): EventLi {
  return { kind: "refused", problem: new EventError("li", message, ERROR_CAUSE.administrativelyProhibited) };
}

function isLoopbackServer(server: string): boolean {
  const url = new URL(server.includes("://") ? server : `nats://${server}`);
  const host = url.hostname.replace(/^\[|\]$/g, "");
  if (host === "localhost") return true;
  const address = parseAddress(host);
  return address !== undefined && isLoopback(address);
}
