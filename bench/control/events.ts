/**
 * Events through a live agent. It is held still (SIGSTOP) while the stream is filled, so that the feeding is not measured
 * with it; from the moment that it goes on, agent and nats-server have the machine to themselves.
 */
import type { RadiusEventType } from "../../src/events/types.js";
import { type ControlRecord, record } from "./records.js";
import { ControlRig, cpuSeconds } from "./rig.js";

interface Kind {
  readonly name: string;
  readonly types: readonly RadiusEventType[];
  /** Of sessions that the agent knows, or of new ones. */
  readonly of: "known" | "new";
}

const KINDS: readonly Kind[] = [
  // Nothing changes: nothing is stored.
  { name: "events: interim updates", types: ["accounting-interim", "accounting-interim"], of: "known" },
  // Each makes a record that is stored, or changes it.
  { name: "events: logins", types: ["access-accept", "accounting-start"], of: "new" },
  { name: "events: logouts", types: ["accounting-stop"], of: "new" },
];

/** `sessions`: that are known, and that log in and out. */
export async function events(sessions: number, rounds: number): Promise<ControlRecord[]> {
  await using rig = await ControlRig.build();
  await rig.feed("sessions", 1, sessions);
  const { daemon } = await rig.startAgent();
  const measured = KINDS.map((kind) => ({ kind, rates: [] as number[], cpu: [] as number[] }));
  for (let round = 0; round < rounds; round++) {
    for (const { kind, rates, cpu } of measured) {
      daemon.signal("SIGSTOP");
      const first = kind.of === "known" ? 1 : 1 + sessions;
      const fed = await rig.feed<{ events: number }>("events", first, sessions, ...kind.types);
      const [began, before] = [Date.now(), cpuSeconds(daemon.pid)];
      daemon.signal("SIGCONT");
      const { at } = await rig.feed<{ at: number }>("drained");
      rates.push((fed.events / (at - began)) * 1000);
      cpu.push(((cpuSeconds(daemon.pid) - before) / fed.events) * 1e6);
    }
  }
  await daemon.stop();
  return measured.flatMap(({ kind: { name, types }, rates, cpu }) => [
    record(name, sessions * types.length, "events/s", rates),
    record(`${name}, processor time each`, sessions * types.length, "us", cpu),
  ]);
}
