/**
 * From a CoA-Request on the wire to the first mirrored packet at the mediation device: gateway, JetStream, agent, kernel. The
 * subscriber's packets come every millisecond in either direction, so that up to that much of it is waiting for one.
 * Another subscriber is mirrored to the same device all the time: it is in use, as on any node that serves it.
 *
 * V8 interprets what has seldom run, at several times the cost. A gateway and an agent that serve subscribers have long
 * been past that; those of a bench that have just begun are not. So some requests are timed first, as the worst case, and
 * reported by themselves; then the programs are put to work; and then those are timed that the goal is about.
 */
import { existsSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { Actors, expect } from "../../test/lab/parts/sessions.js";
import { NAS, SECRET, type SystemOptions, startSystem, userRecord } from "../../test/lab/parts/system.js";
import { ADDRESS, buildTopology, type Topology } from "../../test/lab/parts/topology.js";
import { makeStrictKeys } from "../../test/support/strict.js";
import { startReceiver } from "./receiver.js";
import { type ControlRecord, record } from "./records.js";

const CLIENT = fileURLToPath(new URL("coa-client.js", import.meta.url));
const PINGS = fileURLToPath(new URL("../../../build/bench/steady-pings", import.meta.url));
const SESSION = "1048578";
const OTHER_SESSION = "1048579";
/** Beside the reference mediation device's. */
const PORT = 30031;
const PING_EVERY_US = 1000;
const NS_PER_MS = 1e6;
/** Longer than any request takes, with its pauses. */
const REQUEST_MS = 400;
/** Of the requests: the subscriber's packets are sent by a process that may not have had its turn while one was in force. */
const MAX_WITHOUT_PACKET = 0.02;

/** How many requests are timed of programs that have just begun, come unlooked at, and are timed after that. */
export interface CoaCounts {
  readonly first: number;
  readonly warmUp: number;
  readonly later: number;
}

/** Of one CoA-Request, in nanoseconds since the epoch. `copied` is undefined where no packet came while it was in force. */
interface Start {
  readonly sent: number;
  readonly answered: number;
  readonly copied: number | undefined;
}

/** In lab mode, and, as people run it, in strict mode: events sealed and signed, every decision on the disk before it counts. */
export async function coa(counts: CoaCounts): Promise<ControlRecord[]> {
  using keys = makeStrictKeys();
  return [
    ...recordsOf(await measure(counts, {}), counts, ""),
    ...recordsOf(await measure(counts, keys.sections), counts, ", strict mode"),
  ];
}

async function measure(
  counts: CoaCounts,
  configuration: NonNullable<SystemOptions["configuration"]>,
): Promise<readonly Start[]> {
  if (!existsSync(PINGS)) throw new Error(`${PINGS} is not there: make -C bench`);
  const topology = await buildTopology();
  try {
    const { alice, bob } = topology;
    await startSystem(topology, { users: userRecord(alice) + userRecord(bob), configuration });
    const actors = new Actors(topology);
    await actors.login({ subscriber: bob, id: SESSION });
    await actors.login({ subscriber: alice, id: OTHER_SESSION });
    expect(await actors.changeMirroring(OTHER_SESSION, { action: "on", handle: "00000fff00000001" }), "CoA-ACK");
    bob.namespace.start("pings", [PINGS, ADDRESS.server.ipv4, String(PING_EVERY_US)]);
    return await startsOf(topology, counts);
  } finally {
    await topology.lab.close();
  }
}

async function startsOf({ aaa, mediation }: Topology, { first, warmUp, later }: CoaCounts): Promise<readonly Start[]> {
  const device = ADDRESS.mediation.ipv4;
  const receiver = await startReceiver(mediation, device, PORT);
  const target = [ADDRESS.edgeToAaa, SECRET.coa, NAS, SESSION, device, PORT, first, warmUp, later];
  const { stdout } = await aaa.run([process.execPath, CLIENT, ...target.map(String)], {
    timeout: (first + warmUp + later) * REQUEST_MS,
  });
  const copied = await receiver.finish();
  const asked = JSON.parse(stdout) as {
    readonly intercept: number;
    readonly sent: number;
    readonly answered: number;
  }[];
  return asked.map(({ intercept, sent, answered }) => ({ sent, answered, copied: copied[intercept] }));
}

function recordsOf(starts: readonly Start[], { first }: CoaCounts, mode: string): ControlRecord[] {
  const [just, later] = [starts.slice(0, first), starts.slice(first)];
  const toAck = later.map(({ sent, answered }) => (answered - sent) / NS_PER_MS);
  return [
    toFirstCopy(`CoA to first mirrored packet${mode}`, later, mode === ""),
    record(`CoA to CoA-ACK${mode}`, later.length, "ms", toAck),
    toFirstCopy(`CoA to first mirrored packet${mode}, programs just started`, just, false),
  ];
}

function toFirstCopy(name: string, starts: readonly Start[], keepSamples: boolean): ControlRecord {
  const times = starts.flatMap(({ sent, copied }) => (copied === undefined ? [] : [(copied - sent) / NS_PER_MS]));
  const without = starts.length - times.length;
  if (without > starts.length * MAX_WITHOUT_PACKET) {
    throw new Error(`${without} of ${starts.length} acknowledged intercepts had no copy of any packet`);
  }
  return record(name, times.length, "ms", times, keepSamples);
}
