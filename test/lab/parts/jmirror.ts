/** tshark as the independent decoder of what arrives at the mediation device. */

import { run } from "./run.js";
import { MEDIATION_PORT } from "./system.js";

export interface OuterHeader {
  /** Intercept and session id, outer TTL and outer UDP checksum, as tshark prints them. */
  readonly mid: string;
  readonly sid: string;
  readonly ttl: string;
  readonly checksum: string;
}

const FIELDS = ["jmirror.mid", "jmirror.sid", "ip.ttl", "udp.checksum"];

/** How often each combination occurs among the mirrored packets of a capture. */
export async function outerHeaders(file: string, port = MEDIATION_PORT): Promise<[OuterHeader, number][]> {
  // Inner packets have headers of their own: the first of each is the outer one.
  const shown = ["-T", "fields", "-E", "occurrence=f", ...FIELDS.flatMap((field) => ["-e", field])];
  const decode = ["-d", `udp.port==${port},jmirror`, "-Y", "jmirror"];
  const { stdout } = await run(["tshark", "-n", "-r", file, ...decode, ...shown], { timeout: 120_000 });
  const counts = new Map<string, number>();
  for (const line of stdout.split("\n").filter(Boolean)) counts.set(line, (counts.get(line) ?? 0) + 1);
  return [...counts].map(([line, count]) => {
    const [mid = "", sid = "", ttl = "", checksum = ""] = line.split("\t");
    return [{ mid, sid, ttl, checksum }, count];
  });
}
