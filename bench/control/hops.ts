/**
 * What a CoA's way takes where nothing is done on it: a datagram by the same hops, UDP, a process, JetStream, a process, UDP,
 * in the same rhythm and by the same kernel's clock. No gateway and agent that use this bus can be faster on this machine.
 */
import { mkdirSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { ADDRESS, buildTopology } from "../../test/lab/parts/topology.js";
import { startReceiver } from "./receiver.js";
import { type ControlRecord, record } from "./records.js";

const program = (name: string): string => fileURLToPath(new URL(`${name}.js`, import.meta.url));
const NATS_PORT = "4222";
const NATS_URL = `nats://127.0.0.1:${NATS_PORT}`;
const IN_PORT = "3798";
const OUT_PORT = 30031;
const NS_PER_MS = 1e6;
const DATAGRAM_MS = 400;

export async function hops(warmUp: number, count: number): Promise<ControlRecord[]> {
  const { lab, edge, aaa, mediation } = await buildTopology();
  try {
    const store = lab.path("nats");
    mkdirSync(store);
    const argv = ["nats-server", "--jetstream", "--store_dir", store, "--addr", "127.0.0.1", "--port", NATS_PORT];
    const nats = edge.start("nats-server", argv);
    await nats.ready("its port", () => nats.stderr().includes("Server is ready"));
    const receiver = await startReceiver(mediation, ADDRESS.mediation.ipv4, OUT_PORT);
    const ends = [
      ["out", NATS_URL, ADDRESS.mediation.ipv4, String(OUT_PORT)],
      ["in", NATS_URL, ADDRESS.edgeToAaa, IN_PORT],
    ];
    for (const end of ends) {
      const relay = edge.start(`relay-${end[0]}`, [process.execPath, program("relay"), ...end]);
      await relay.ready("its sockets", () => relay.stdout().includes("ready"));
    }
    const sending = [process.execPath, program("datagrams"), ADDRESS.edgeToAaa, IN_PORT, String(warmUp), String(count)];
    const { stdout } = await aaa.run(sending, { timeout: (warmUp + count) * DATAGRAM_MS });
    const arrived = await receiver.finish();
    const took = (JSON.parse(stdout) as number[]).map((sent, index) => {
      const at = arrived[warmUp + index + 1];
      if (at === undefined) throw new Error(`datagram ${warmUp + index + 1} did not come through`);
      return (at - sent) / NS_PER_MS;
    });
    return [record("the hops alone, nothing done", count, "ms", took)];
  } finally {
    await lab.close();
  }
}
