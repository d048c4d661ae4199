/**
 * From a CoA-Request on the wire to the first mirrored packet at the mediation device: gateway, JetStream, agent, kernel. The
 * subscriber's packets come every millisecond in either direction, so that up to that much of it is waiting for one.
 * Another subscriber is mirrored to the same device all the time: it is in use, as on any node that serves it.
 */
import { fileURLToPath } from "node:url";
import { Actors, expect } from "../../test/lab/parts/sessions.js";
import { NAS, SECRET, startSystem, userRecord } from "../../test/lab/parts/system.js";
import { ADDRESS, buildTopology } from "../../test/lab/parts/topology.js";
import { type ControlRecord, record } from "./records.js";

const program = (name: string): string => fileURLToPath(new URL(`${name}.js`, import.meta.url));
const SESSION = "1048578";
const OTHER_SESSION = "1048579";
/** Beside the reference mediation device's. */
const PORT = 30031;
/** The least that ping keeps to: below, it sends as fast as it can, and is all that the machine does. */
const PING_SECONDS = 0.001;
const NS_PER_MS = 1e6;
/** Of the requests: the subscriber's packets are sent by a process that may not have had its turn while one was in force. */
const MAX_WITHOUT_PACKET = 0.02;

export async function coa(requests: number): Promise<ControlRecord[]> {
  const topology = await buildTopology();
  try {
    const { alice, bob, aaa, mediation } = topology;
    await startSystem(topology, { users: userRecord(alice) + userRecord(bob) });
    const actors = new Actors(topology);
    await actors.login({ subscriber: bob, id: SESSION });
    await actors.login({ subscriber: alice, id: OTHER_SESSION });
    expect(await actors.changeMirroring(OTHER_SESSION, { action: "on", handle: "3fffffff00000001" }), "CoA-ACK");
    const device = ADDRESS.mediation.ipv4;
    const receiver = mediation.start("first-copies", [process.execPath, program("first-copies"), device, String(PORT)]);
    await receiver.ready("its socket", () => receiver.stdout().includes("ready"));
    const ping = bob.namespace.start("ping", ["ping", "-q", "-i", String(PING_SECONDS), ADDRESS.server.ipv4]);
    const target = [ADDRESS.edgeToAaa, SECRET.coa, NAS, SESSION, device, PORT, requests];
    const { stdout } = await aaa.run([process.execPath, program("coa-client"), ...target.map(String)], {
      timeout: 10_000 + requests * 200,
    });
    await ping.stop("SIGINT");
    await receiver.stop();
    const sent = JSON.parse(stdout) as { readonly sent: number; readonly answered: number }[];
    const first = JSON.parse(receiver.stdout().split("\n")[1] ?? "{}") as Record<number, number>;
    const toFirst = sent.flatMap((it, index) => {
      const arrived = first[index + 1];
      return arrived === undefined ? [] : [(arrived - it.sent) / NS_PER_MS];
    });
    const without = requests - toFirst.length;
    if (without > requests * MAX_WITHOUT_PACKET) {
      throw new Error(`${without} of ${requests} acknowledged intercepts had no copy of any packet`);
    }
    return [
      record("CoA to first mirrored packet", toFirst.length, "ms", toFirst, true),
      record(
        "CoA to CoA-ACK",
        requests,
        "ms",
        sent.map((it) => (it.answered - it.sent) / NS_PER_MS),
      ),
    ];
  } finally {
    await topology.lab.close();
  }
}
