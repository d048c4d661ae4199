/** The command line: what there is, with examples. Each command loads its code when it runs. */
import { Command, CommanderError } from "commander";
import { mediationCommand } from "../mediation/command.js";
import { auditCommand } from "./commands/audit.js";
import { completionCommand } from "./commands/completion.js";
import { doctorCommand } from "./commands/doctor.js";
import { interceptsCommand } from "./commands/intercepts.js";
import { keysCommand } from "./commands/keys.js";
import { provisionCommand } from "./commands/provision.js";
import { statusCommand } from "./commands/status.js";
import { taskCommand } from "./commands/task.js";
import { topCommand } from "./commands/top.js";
import { configOption } from "./config-option.js";
import { EXIT, reportError } from "./exit.js";
import { programVersion } from "./version.js";

export interface DaemonFlags {
  readonly config: string;
  readonly printConfig?: boolean;
}

export function createProgram(): Command {
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
  const others = [
    mediationCommand,
    keysCommand,
    taskCommand,
    auditCommand,
    provisionCommand,
    doctorCommand,
    statusCommand,
    interceptsCommand,
    topCommand,
    completionCommand,
  ];
  for (const make of others) mount(program, make());
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
    await createProgram().parseAsync(argv, { from: "user" });
    return Number(process.exitCode ?? EXIT.done);
  } catch (error) {
    if (error instanceof CommanderError) return error.exitCode === 0 ? EXIT.done : EXIT.usage;
    return reportError(error);
  }
}

/** Commands that others have made exit and report as the program does, their subcommands too. */
function mount(program: Command, command: Command): void {
  program.addCommand(command.copyInheritedSettings(program));
  for (const subcommand of command.commands) subcommand.copyInheritedSettings(program);
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
