/** An agent that has never run reads the sessions of its NAS from the bucket: how long, and how much memory it has then. */
import { type ControlRecord, record } from "./records.js";
import { ControlRig, cpuSeconds, residentMiB } from "./rig.js";

export async function rebuild(sessions: number, rounds: number): Promise<ControlRecord[]> {
  await using rig = await ControlRig.build();
  if (sessions > 0) await rig.feed("sessions", 1, sessions);
  const [seconds, cpu, resident, peak]: [number[], number[], number[], number[]] = [[], [], [], []];
  for (let round = 0; round < rounds; round++) {
    const agent = await rig.startAgent();
    const memory = residentMiB(agent.daemon.pid);
    seconds.push(agent.seconds);
    cpu.push(cpuSeconds(agent.daemon.pid));
    resident.push(memory.now);
    peak.push(memory.peak);
    await agent.daemon.stop();
  }
  return [
    record("rebuild", sessions, "s", seconds),
    record("rebuild, processor time", sessions, "s", cpu),
    record("resident", sessions, "MiB", resident),
    record("resident, peak", sessions, "MiB", peak),
  ];
}
