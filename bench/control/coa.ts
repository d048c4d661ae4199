/**
 * From a CoA-Request on the wire to the first mirrored packet at the mediation device: gateway, JetStream, agent, kernel. The
 * subscriber's packets come every half millisecond in either direction, so that up to that much of it is waiting for one.
 */
import { fileURLToPath } from "node:url";
import { Actors } from "../../test/lab/parts/sessions.js";
import { NAS, SECRET, startSystem, userRecord } from "../../test/lab/parts/system.js";
import { ADDRESS, buildTopology } from "../../test/lab/parts/topology.js";
import { type ControlRecord, record } from "./records.js";

const program = (name: string): string => fileURLToPath(new URL(`${name}.js`, import.meta.url));
const SESSION = "1048578";
/** Beside the reference mediation device's. */
const PORT = 30031;
const PING_SECONDS = 0.0005;
const NS_PER_MS = 1e6;

export async function coa(requests: number): Promise<ControlRecord[]> {
  const topology = await buildTopology();
  try {
    const { bob, aaa, mediation } = topology;
    await startSystem(topology, { users: userRecord(bob) });
    await new Actors(topology).login({ subscriber: bob, id: SESSION });
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
    const toFirst = sent.map((it, index) => ((first[index + 1] ?? Number.NaN) - it.sent) / NS_PER_MS);
    if (toFirst.some(Number.isNaN)) throw new Error("an acknowledged intercept had no copy of any packet");
    return [
      record("CoA to first mirrored packet", requests, "ms", toFirst, true),
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
