/** Many intercepts at once: what a starting agent, or one that takes over, has to bring into the kernel. */
import { fileURLToPath } from "node:url";
import { heapOptions } from "../../src/security/process/begin-anew.js";
import { type ControlRecord, record } from "./records.js";
import { ControlRig } from "./rig.js";

const PROGRAM = fileURLToPath(new URL("activation-process.js", import.meta.url));
const OBJECTS = fileURLToPath(new URL("../../../build/bpf", import.meta.url));

/** Each of the intercepts has an IPv4 address and an IPv6 prefix to match. */
export async function activation(intercepts: number, rounds: number): Promise<ControlRecord[]> {
  await using rig = await ControlRig.build();
  const [seconds, cpu]: [number[], number[]] = [[], []];
  for (let round = 0; round < rounds; round++) {
    const argv = [process.execPath, ...heapOptions("agent"), PROGRAM, String(intercepts), OBJECTS];
    const { stdout } = await rig.topology.edge.run(argv, { timeout: 120_000 });
    const [elapsed = Number.NaN, used = Number.NaN] = stdout.split(" ").map(Number);
    seconds.push(elapsed);
    cpu.push(used);
  }
  await rig.feed("sessions", 1, intercepts, "mirrored");
  const starts: number[] = [];
  for (let round = 0; round < rounds; round++) {
    const agent = await rig.startAgent();
    starts.push(agent.seconds);
    await agent.daemon.stop();
  }
  return [
    record("activation", intercepts, "s", seconds),
    record("activation, processor time", intercepts, "s", cpu),
    record("start with intercepts", intercepts, "s", starts),
  ];
}
