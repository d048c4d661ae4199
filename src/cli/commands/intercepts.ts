/** `submirror intercepts`: what is mirrored on this node, with counters and rates. */
import { setTimeout as delay } from "node:timers/promises";
import { Command, InvalidArgumentError } from "commander";
import { AgentConnection, type SocketFlags, socketOptions } from "../ask-agent.js";
import { interceptLines } from "../view/intercepts-view.js";
import { ratedIntercepts } from "../view/rates.js";
import { lossText } from "../view/status-view.js";

interface InterceptsFlags extends SocketFlags {
  readonly subjects: boolean;
  readonly json: boolean;
  /** Seconds. */
  readonly over: number;
}

/** To be mounted in the program. */
export function interceptsCommand(): Command {
  return socketOptions(new Command("intercepts"))
    .description("list the intercepts of this node, with counters and rates")
    .option("--subjects", "also say whom they are about: NAS, user name, session id, addresses", false)
    .option("--over <seconds>", "time over which rates are measured; 0: none", seconds, 1)
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      `
It asks the running agent by its local socket, which answers root.

Examples:
  submirror intercepts
  submirror intercepts --subjects --over 0
  submirror intercepts --json | jq '.[] | select(.state == "failed") | .interceptId'`,
    )
    .action(list);
}

async function list(flags: InterceptsFlags): Promise<void> {
  using agent = await AgentConnection.open(flags);
  const look = async (subjects: boolean) => ({ at: performance.now(), intercepts: await agent.intercepts(subjects) });
  const before = flags.over > 0 ? await look(false) : undefined;
  if (flags.over > 0) await delay(flags.over * 1000);
  const intercepts = ratedIntercepts(before, await look(flags.subjects));
  if (flags.json) {
    process.stdout.write(`${JSON.stringify(intercepts)}\n`);
    return;
  }
  if (intercepts.length === 0) {
    process.stdout.write("no intercepts\n");
    return;
  }
  const why = intercepts.some(({ lost }) => lost > 0)
    ? ["", `lost on this node: ${lossText(await agent.counters())}`]
    : [];
  process.stdout.write(`${[...interceptLines(intercepts), ...why].join("\n")}\n`);
}

function seconds(text: string): number {
  const value = Number(text);
  if (text.trim() !== "" && value >= 0 && value <= 3600) return value;
  throw new InvalidArgumentError("Expected seconds from 0 to 3600.");
}
