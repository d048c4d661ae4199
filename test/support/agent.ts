/** A real agent over a real bus, with a datapath in memory. */

import { randomUUID } from "node:crypto";
import { tmpdir } from "node:os";
import { join } from "node:path";
import { type RunningAgent, startAgent } from "../../src/agent/run.js";
import { parseConfig, requireAgentParts } from "../../src/config/load.js";
import type { Datapath } from "../../src/datapath/port.js";
import { silent } from "./nats.js";

export interface TestAgentOptions {
  readonly url?: string;
  /** The section `nats`, in place of `url`. */
  readonly nats?: object;
  readonly datapath: Datapath;
  readonly yaml?: string;
  readonly node?: string;
  /** Path of the local socket. */
  readonly socket?: string;
  /** `strict`: `yaml` has the section `security`. */
  readonly mode?: "lab" | "strict";
  /** Unix time in milliseconds. */
  readonly clock?: () => number;
}

export interface TestAgent extends RunningAgent, AsyncDisposable {}

export async function startTestAgent(options: TestAgentOptions): Promise<TestAgent> {
  const { node = "edge1", socket = join(tmpdir(), `submirror-test-${randomUUID()}.sock`) } = options;
  const yaml = `
node: ${node}
agent: { socket: ${socket} }
nats: ${JSON.stringify(options.nats ?? { servers: [options.url] })}
interfaces: { access: [lo] }
mediation: { sourceIpv4: 192.0.2.1 }
metrics: { port: 0 }
${options.mode === "strict" ? "" : "security: { mode: lab }"}
${options.yaml ?? ""}`;
  const config = requireAgentParts(parseConfig(yaml, "test.yaml"), "test.yaml");
  const { datapath, clock = Date.now } = options;
  const agent = await startAgent({ config, version: "0.0.0", log: silent, openDatapath: () => datapath, clock });
  return { ...agent, [Symbol.asyncDispose]: () => agent.stop() };
}
