/** A running agent, asked by its local socket. */
import { existsSync } from "node:fs";
import type { Command } from "commander";
import type { AgentStatus, ListedCounters, ListedIntercept } from "../agent/local-api.js";
import { agentSocket } from "../config/agent-socket.js";
import { DEFAULT_SOCKET } from "../config/schema.js";
import { LocalClient } from "../security/process/local-client.js";
import { configOption, DEFAULT_CONFIG } from "./config-option.js";

export interface SocketFlags {
  readonly config: string;
  readonly socket?: string;
}

/** The options that say where the agent is. */
export function socketOptions(command: Command): Command {
  return command
    .addOption(configOption("configuration file of the agent, for agent.socket"))
    .option("--socket <file>", "local socket of the agent, in place of that of its configuration");
}

export class AgentConnection implements Disposable {
  private constructor(private readonly client: LocalClient) {}

  /** Throws LocalClientError, or ConfigError. */
  static async open({ config, socket }: SocketFlags): Promise<AgentConnection> {
    const isNeeded = config !== DEFAULT_CONFIG || existsSync(config);
    return new AgentConnection(await LocalClient.connect(socket ?? (isNeeded ? agentSocket(config) : DEFAULT_SOCKET)));
  }

  async status(): Promise<AgentStatus> {
    return ((await this.client.ask({ get: "status" })) as { status: AgentStatus }).status;
  }

  async counters(): Promise<ListedCounters> {
    return ((await this.client.ask({ get: "counters" })) as { counters: ListedCounters }).counters;
  }

  async intercepts(subjects = false): Promise<ListedIntercept[]> {
    const answer = await this.client.ask({ get: "intercepts", subjects });
    return (answer as { intercepts: ListedIntercept[] }).intercepts;
  }

  [Symbol.dispose](): void {
    this.client[Symbol.dispose]();
  }
}
