import { loadConfig, requireGatewayParts } from "../../config/load.js";
import { printConfig } from "../../config/print.js";
import { runGateway } from "../../gateway/run.js";
import { limitProcess } from "../limit-process.js";
import { createLog } from "../log.js";
import type { DaemonFlags } from "../program.js";
import { untilSignal } from "../shutdown.js";
import { programVersion } from "../version.js";

/** `submirror gateway`: runs until a signal ends it. */
export async function runGatewayCommand(flags: DaemonFlags): Promise<void> {
  const loaded = loadConfig(flags.config);
  if (flags.printConfig === true) {
    process.stdout.write(printConfig(loaded));
    return;
  }
  const config = requireGatewayParts(loaded, flags.config);
  const { auth, accounting, coa } = config.radius.listen;
  const ports = [auth, accounting, coa, config.radius.radsec?.port ?? 0, config.metrics.gatewayPort];
  limitProcess(config, ports.some((port) => port > 0 && port < 1024) ? ["CAP_NET_BIND_SERVICE"] : []);
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
