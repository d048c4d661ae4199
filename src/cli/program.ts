/** The command line: the daemons, and how it is run. The other commands are in whole-program.ts. */
import { Command, CommanderError } from "commander";
import { configOption } from "./config-option.js";
import { EXIT, reportError } from "./exit.js";
import { programVersion } from "./version.js";

export interface DaemonFlags {
  readonly config: string;
  readonly printConfig?: boolean;
}

/** Without the commands that people type: nothing of what those need is loaded, which a daemon may do twice. */
export function createDaemons(): Command {
  const program = new Command("submirror")
    .description("Subscriber traffic mirroring for Linux edge nodes, triggered by RADIUS.")
    .version(programVersion())
    .exitOverride()
    .configureHelp({ sortSubcommands: true })
    .addHelpText("after", "\nExit status: 0 done, 1 failed, 2 wrong usage or configuration.");
  daemon(program, "agent", "mirror on this node what the events on the bus ask for", runAgent)
    .option(
      "--uninstall",
      "take programs, links, maps and helper devices out of the kernel, and end; only where no agent runs",
    )
    .option("--json", "with --uninstall: print what was taken out as JSON");
  daemon(program, "gateway", "the RADIUS front door: authentication, accounting, CoA and Disconnect", async (flags) => {
    const { runGatewayCommand } = await import("./commands/gateway.js");
    return await runGatewayCommand(flags);
  });
  return program;
}

async function runAgent(flags: DaemonFlags & { readonly uninstall?: boolean }): Promise<void> {
  if (flags.uninstall === true) {
    const { uninstallAgent } = await import("./commands/uninstall.js");
    return await uninstallAgent(flags);
  }
  const { runAgentCommand } = await import("./commands/agent.js");
  return await runAgentCommand(flags);
}

/** Runs the command line (without `node` and the script). Returns the exit code. */
export async function runProgram(argv: readonly string[]): Promise<number> {
  try {
    const program = isDaemon(argv[0]) ? createDaemons() : (await import("./whole-program.js")).createProgram();
    await program.parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return reportError(error);
  }
}

function isDaemon(name: string | undefined): boolean {
  return name === "agent" || name === "gateway";
}

function daemon(
  program: Command,
  name: string,
  description: string,
  run: (flags: DaemonFlags) => Promise<void>,
): Command {
  return program
    .command(name)
    .description(description)
    .addOption(configOption())
    .option("--print-config", "print the configuration in force, secrets masked, and end")
    .addHelpText(
      "after",
      `\nExamples:\n  submirror ${name} --config edge1.yaml\n  submirror ${name} --config edge1.yaml --print-config`,
    )
    .action(async (flags: DaemonFlags) => await run(flags));
}
