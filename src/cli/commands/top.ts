/** `submirror top`: live rates on one screen. */
import { Command, InvalidArgumentError } from "commander";
import { type SocketFlags, socketOptions } from "../ask-agent.js";

interface TopFlags extends SocketFlags {
  readonly once: boolean;
  readonly json: boolean;
  /** Seconds. */
  readonly interval: number;
}

/** To be mounted in the program. */
export function topCommand(): Command {
  return socketOptions(new Command("top"))
    .description("show what is mirrored on this node, live")
    .option("--interval <seconds>", "time between two looks", interval, 1)
    .option("--once", "look twice, print once, and end", false)
    .option("--json", "print JSON, one object a look", false)
    .addHelpText(
      "after",
      `
It asks the running agent by its local socket, which answers root. No subscriber is named.
q ends it. Where the output is no terminal, each look is printed below the last one.

Examples:
  submirror top
  submirror top --interval 5
  submirror top --once --json`,
    )
    .action(async (flags: TopFlags) => {
      const { runTop } = await import("../top.js");
      await runTop(flags);
    });
}

function interval(text: string): number {
  const value = Number(text);
  if (value >= 0.2 && value <= 3600) return value;
  throw new InvalidArgumentError("Expected seconds from 0.2 to 3600.");
}
