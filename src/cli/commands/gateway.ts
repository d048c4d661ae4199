import { loadConfig } from "../../config/load.js";
import { printConfig } from "../../config/print.js";
import { UsageError } from "../exit.js";
import type { DaemonFlags } from "../program.js";

/** `submirror gateway`: runs until a signal ends it. */
export async function runGatewayCommand(flags: DaemonFlags): Promise<void> {
  const config = loadConfig(flags.config);
  if (flags.printConfig === true) {
    process.stdout.write(printConfig(config));
    return;
  }
  throw new UsageError("the gateway is not part of this build");
}
