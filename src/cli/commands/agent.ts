import { openKernelDatapath } from "../../agent/datapath-factory.js";
import { StartError } from "../../agent/errors.js";
import { holdNode } from "../../agent/only-one.js";
import { checkPrerequisites } from "../../agent/prerequisites.js";
import { startAgent } from "../../agent/run.js";
import { loadConfig, requireAgentParts } from "../../config/load.js";
import { printConfig } from "../../config/print.js";
import { limitProcess } from "../limit-process.js";
import { createLog } from "../log.js";
import type { DaemonFlags } from "../program.js";
import { untilSignal } from "../shutdown.js";
import { programVersion } from "../version.js";

/** `submirror agent`: runs until a signal ends it. */
export async function runAgentCommand(flags: DaemonFlags): Promise<void> {
  const loaded = loadConfig(flags.config);
  if (flags.printConfig === true) {
    process.stdout.write(printConfig(loaded));
    return;
  }
  const config = requireAgentParts(loaded, flags.config);
  limitProcess(config, ["CAP_BPF", "CAP_NET_ADMIN", "CAP_PERFMON"]);
  const problems = checkPrerequisites(config);
  if (problems.length > 0) throw new StartError(problems);
  await holdNode(config.datapath.pinDirectory);
  const log = createLog("agent", config);
  const ended = untilSignal();
  const agent = await startAgent({ config, version: programVersion(), log, openDatapath: openKernelDatapath });
  try {
    const signal = await Promise.race([ended, agent.ready.then(() => ended)]);
    log.info({ signal }, "ending");
  } finally {
    await agent.stop();
  }
}
