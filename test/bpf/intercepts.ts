/** Intercepts for the tests, and what their copies look like by the specification alone. */
import type { DatapathOptions } from "../../src/datapath/options.js";
import type { InterceptSpec } from "../../src/intercepts/types.js";
import { junosShim, nokiaShim, type Outer } from "./datagram.js";
import { addressBytes, SUBSCRIBER4 } from "./packets.js";
import { DEFAULT_MEDIATION, DEVICE4 } from "./rig.js";

/** One of SUBSCRIBER4, both directions, Junos header, to DEVICE4:30030, unless told otherwise. */
export function intercept(parts: Partial<InterceptSpec> = {}): InterceptSpec {
  return {
    key: "intercept-1",
    matches: [{ kind: "ipv4", prefix: `${SUBSCRIBER4}/32` }],
    direction: "both",
    header: { format: "junos", interceptId: 0x300, sessionId: 0x90 },
    mediation: { address: DEVICE4, port: 30_030 },
    ...parts,
  };
}

/** The `number`th of several, told apart by key, intercept id and port. */
export function numbered(number: number, parts: Partial<InterceptSpec> = {}): InterceptSpec {
  return intercept({
    key: `intercept-${number}`,
    header: { format: "junos", interceptId: 0x300 + number, sessionId: 0x90 + number },
    mediation: { address: DEVICE4, port: 30_000 + number },
    ...parts,
  });
}

export function outerOf(
  spec: InterceptSpec,
  direction: "from" | "to",
  mediation: DatapathOptions["mediation"] = DEFAULT_MEDIATION,
): Outer {
  const { format, interceptId, sessionId } = spec.header;
  const { address, port, portTo = port } = spec.mediation;
  const source = addressBytes(address).length === 4 ? mediation.sourceIpv4 : mediation.sourceIpv6;
  if (source === undefined) throw new Error("no source address of the device's family");
  return {
    source,
    destination: address,
    sourcePort: mediation.sourcePort,
    destinationPort: direction === "to" ? portTo : port,
    ttl: mediation.ttl,
    dscp: spec.dscp ?? mediation.dscp,
    shim: format === "junos" ? junosShim(interceptId, sessionId) : nokiaShim(interceptId, sessionId, direction),
    udpChecksum: mediation.udpChecksum,
  };
}
