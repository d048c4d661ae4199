import { loadConfig, requireGatewayParts } from "../../config/load.js";
import { printConfig } from "../../config/print.js";
import { limitProcess } from "../limit-process.js";
import type { DaemonFlags } from "../program.js";

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
  limitProcess("gateway", config, ports.some((port) => port > 0 && port < 1024) ? ["CAP_NET_BIND_SERVICE"] : []);
  // Not before: the program may just have begun anew, and all of it would be loaded twice.
  const { serveGateway } = await import("../gateway-service.js");
  await serveGateway(config);
}
