/** The agent as a process: from what the node has to have until a signal. */
import { openKernelDatapath } from "../agent/datapath-factory.js";
import { StartError } from "../agent/errors.js";
import { holdNode } from "../agent/only-one.js";
import { checkPrerequisites } from "../agent/prerequisites.js";
import { startAgent } from "../agent/run.js";
import type { AgentConfig } from "../config/schema.js";
import { createLog } from "./log.js";
import { untilSignal } from "./shutdown.js";
import { programVersion } from "./version.js";

export async function serveAgent(config: AgentConfig): Promise<void> {
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
