/** The command line with all that there is, with examples. */
import type { Command } from "commander";
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
import { createDaemons } from "./program.js";

const OTHERS = [
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

export function createProgram(): Command {
  const program = createDaemons();
  for (const make of OTHERS) mount(program, make());
  return program;
}

/** Commands that others have made exit and report as the program does, their subcommands too. */
function mount(program: Command, command: Command): void {
  program.addCommand(command.copyInheritedSettings(program));
  for (const subcommand of command.commands) subcommand.copyInheritedSettings(program);
}
