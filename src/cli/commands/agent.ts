import { loadConfig, requireAgentParts } from "../../config/load.js";
import { printConfig } from "../../config/print.js";
import { limitProcess } from "../limit-process.js";
import type { DaemonFlags } from "../program.js";

/** `submirror agent`: runs until a signal ends it. */
export async function runAgentCommand(flags: DaemonFlags): Promise<void> {
  const loaded = loadConfig(flags.config);
  if (flags.printConfig === true) {
    process.stdout.write(printConfig(loaded));
    return;
  }
  const config = requireAgentParts(loaded, flags.config);
  limitProcess("agent", config, ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]);
  // Not before: the program may just have begun anew, and all of it would be loaded twice.
  const { serveAgent } = await import("../agent-service.js");
  await serveAgent(config);
}
