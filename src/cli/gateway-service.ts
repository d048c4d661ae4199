/** The gateway as a process, until a signal. */
import type { GatewayConfig } from "../config/schema.js";
import { runGateway } from "../gateway/run.js";
import { createLog } from "./log.js";
import { untilSignal } from "./shutdown.js";
import { programVersion } from "./version.js";

export async function serveGateway(config: GatewayConfig): Promise<void> {
  const log = createLog("gateway", config);
  const ended = untilSignal();
  const gateway = await runGateway({ config, version: programVersion(), log });
  try {
    const signal = await Promise.race([ended, gateway.ready.then(() => ended)]);
    log.info({ signal }, "ending");
  } finally {
    await gateway.stop();
  }
}
