/** `submirror status`: how the agent of this node is doing. */
import { Command } from "commander";
import { LocalClientError } from "../../security/process/local-client.js";
import { AgentConnection, type SocketFlags, socketOptions } from "../ask-agent.js";
import { EXIT } from "../exit.js";
import { painter, takesColour } from "../terminal.js";
import { statusLines } from "../view/status-view.js";

/** To be mounted in the program. Sets `process.exitCode`. */
export function statusCommand(): Command {
  return socketOptions(new Command("status"))
    .description("say how the agent of this node is doing")
    .option("--json", "print JSON", false)
    .addHelpText(
      "after",
      `
It asks the running agent by its local socket, which answers root. No subscriber is named.
Exit status: 0 the agent is ready, 1 it is not, or none runs.

Examples:
  submirror status
  submirror status --config edge1.yaml --json`,
    )
    .action(async (flags: SocketFlags & { json: boolean }) => {
      using agent = await AgentConnection.open(flags);
      const status = await agent.status();
      const counters = await agent.counters().catch((error: unknown) => {
        // It is starting, and has no datapath yet.
        if (error instanceof LocalClientError) return undefined;
        throw error;
      });
      const paint = painter(takesColour(process.stdout));
      const text = flags.json
        ? JSON.stringify({ ...status, counters })
        : statusLines(status, counters, { now: Date.now(), paint }).join("\n");
      process.stdout.write(`${text}\n`);
      process.exitCode = status.waitingFor.length === 0 ? EXIT.done : EXIT.failed;
    });
}
