/** The agent of this node, if one runs: how it is doing, and which mediation devices are in use. */
import { existsSync } from "node:fs";
import type { AgentStatus, ListedIntercept } from "../agent/local-api.js";
import { LocalClient, LocalClientError } from "../security/process/local-client.js";
import { type Finding, failure, ok, warning } from "./finding.js";

export interface AskedAgent {
  readonly finding: Finding;
  /** IP addresses. */
  readonly mediation: readonly string[];
}

export async function askAgent(socket: string): Promise<AskedAgent> {
  const about = "agent";
  if (!existsSync(socket)) return { finding: ok(about, "does not run now"), mediation: [] };
  try {
    using client = await LocalClient.connect(socket);
    const { status } = (await client.ask({ get: "status" })) as { status: AgentStatus };
    const { intercepts } = (await client.ask({ get: "intercepts" })) as { intercepts: ListedIntercept[] };
    return { finding: judgeAgent(status), mediation: [...new Set(intercepts.map((it) => it.mediation.address))] };
  } catch (error) {
    if (!(error instanceof LocalClientError)) throw error;
    return { finding: warning(about, "does not answer at its local socket", error.message), mediation: [] };
  }
}

/** Pure. */
export function judgeAgent({ pid, version, waitingFor, intercepts, audit }: AgentStatus): Finding {
  const about = "agent";
  const runs = `runs (pid ${pid}, version ${version})`;
  if (waitingFor.length > 0)
    return warning(about, `${runs} and waits for ${waitingFor.join(", ")}`, "see its log; what is mirrored goes on");
  if (intercepts.failed > 0)
    return failure(
      about,
      `${runs}; the kernel has refused ${intercepts.failed} of its intercepts`,
      "see submirror_datapath_refusals_total: table-full asks for a larger datapath.maxIntercepts",
    );
  if (audit.unavailable)
    return failure(about, `${runs}; its audit log cannot be written`, "see whether the disk is full");
  return ok(about, `${runs} and is ready; active intercepts: ${intercepts.active}`);
}
