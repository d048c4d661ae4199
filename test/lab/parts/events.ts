/** Events to the agent without a gateway, and its answers. */
import { fileURLToPath } from "node:url";
import type { EventResult, LiInstruction, RadiusEvent } from "../../../src/events/types.js";
import { radiusEvent } from "../../support/events.js";
import { LabError } from "./errors.js";
import { NAS } from "./system.js";
import type { Topology } from "./topology.js";

const PROGRAM = fileURLToPath(new URL("./ask-agent.js", import.meta.url));

export async function askAgent({ edge }: Topology, events: readonly RadiusEvent[]): Promise<(EventResult | null)[]> {
  const { stdout } = await edge.run([process.execPath, PROGRAM], { input: JSON.stringify(events) });
  return JSON.parse(stdout) as (EventResult | null)[];
}

/** What a CoA-Request for the session would become, with all that an instruction can say. */
export function coaEvent(acctSessionId: string, li: LiInstruction): RadiusEvent {
  return radiusEvent("coa", { nas: NAS, attributes: { "Acct-Session-Id": acctSessionId }, li });
}

/** Asks for the one thing; throws LabError unless the agent answers `expected`. */
export async function order(
  topology: Topology,
  acctSessionId: string,
  li: LiInstruction,
  expected: EventResult["result"],
): Promise<EventResult> {
  const [answer] = await askAgent(topology, [coaEvent(acctSessionId, li)]);
  if (answer?.result === expected) return answer;
  throw new LabError(`expected "${expected}", the agent answered ${JSON.stringify(answer)}`);
}
