/** `submirror agent --uninstall`: takes out of the kernel what outlives an agent. */
import { StartError } from "../../agent/errors.js";
import { holdNode } from "../../agent/only-one.js";
import { loadConfig } from "../../config/load.js";
import { EXIT } from "../exit.js";

export interface UninstallFlags {
  readonly config: string;
  readonly json?: boolean;
}

export async function uninstallAgent(flags: UninstallFlags): Promise<void> {
  const { datapath } = loadConfig(flags.config);
  if (process.getuid?.() !== 0)
    throw new StartError(["programs and devices can be taken out by root alone: sudo submirror agent --uninstall"]);
  // Else the agent would put back at once what is taken out.
  await holdNode(datapath.pinDirectory);
  const removed = await takeOut(datapath.pinDirectory);
  const { links, maps, filters, devices } = removed;
  if (flags.json === true) process.stdout.write(`${JSON.stringify(removed)}\n`);
  else if (links + maps + filters + devices.length === 0) process.stdout.write("nothing of submirror was there\n");
  else {
    process.stdout.write(
      `taken out: ${links} links with their programs, ${maps} maps, ${filters} tc filters, ${devices.length} helper devices${devices.map((name) => ` ${name}`).join("")}\n`,
    );
  }
  process.exitCode = EXIT.done;
}

async function takeOut(pinDirectory: string) {
  const { KernelDatapath } = await import("../../datapath/kernel.js");
  try {
    return KernelDatapath.uninstall(pinDirectory);
  } catch (error) {
    throw new StartError([`not everything could be taken out: ${(error as Error).message}`]);
  }
}
