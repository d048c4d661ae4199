/** The ways to the mediation devices: wide enough for what is put in front of a packet, and somebody at their end. */
import type { Config } from "../config/schema.js";
import type { MediationPath } from "../datapath/next-hops.js";
import { type Finding, failure, ok, warning } from "./finding.js";

type Oversize = Config["datapath"]["oversize"];

/** A mediation device that the configuration names, or the user. */
export interface DevicePath extends MediationPath {
  /** IP address. */
  readonly device: string;
  /** Whether its interface is one of interfaces.mediation. */
  readonly hasProgram: boolean;
  /** False where the copies' source is not an address of this node. */
  readonly sourceIsOurs: boolean;
}

/** Pure. */
export function judgePath(path: DevicePath, oversize: Oversize): Finding {
  const { device, mtu, needed, neighbour } = path;
  const about = `path to ${device}`;
  const way = path.interface;
  if (way === undefined || mtu === undefined)
    return failure(
      about,
      "there is no route from here to another node by that address",
      "add one (ip route), or correct the mediation device's address",
    );
  if (neighbour === "failed" || neighbour === "incomplete")
    return failure(
      about,
      `the next hop on ${way} does not answer`,
      `check cable, VLAN and address: ip neighbour show dev ${way}`,
    );
  if (neighbour === "none")
    return warning(
      about,
      `the kernel does not know the next hop on ${way}, and this process may not have it ask`,
      "run the doctor as root",
    );
  if (mtu < needed) return narrow(about, way, mtu, needed, oversize);
  if (!path.sourceIsOurs)
    return warning(
      about,
      "mediation.sourceIpv4 or sourceIpv6 is no address of this node",
      "give it to an interface (ip address add), so that errors come back; receivers take it all the same",
    );
  if (!path.hasProgram)
    return warning(
      about,
      `leaves by ${way}, which is not one of interfaces.mediation: copies take the slow way through the IP stack`,
      `add ${way} to interfaces.mediation`,
    );
  return ok(about, `by ${way}, MTU ${mtu}, ${needed} needed, next hop ${neighbour}`);
}

function narrow(about: string, way: string, mtu: number, needed: number, oversize: Oversize): Finding {
  const what =
    oversize === "drop"
      ? "copies of 1500-byte packets are dropped"
      : "copies of 1500-byte packets leave as IP fragments, which some receivers do not reassemble";
  return warning(
    about,
    `by ${way}, MTU ${mtu} where ${needed} are needed: ${what}`,
    `ip link set ${way} mtu ${needed} (more with VLAN tags), and the same on the way`,
  );
}
