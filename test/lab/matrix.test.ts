/**
 * What an edge carries, in every form that it takes on real networks, over every kind of path to a mediation device: in
 * each cell all packets are mirrored byte for byte, and the originals pass unchanged, in both directions.
 */
import assert from "node:assert/strict";
import { type TestContext, test } from "node:test";
import { superPacket } from "../bpf/super-packets.js";
import { BridgedEdge, type EdgeOptions } from "./matrix/bridged-edge.js";
import { PATHS, type Path, pathName, TRAFFIC, type Traffic, trafficName } from "./matrix/cells.js";
import { MAC } from "./matrix/line.js";
import { type CellResult, runCell } from "./matrix/run-cell.js";
import { matrixTable } from "./matrix/table.js";

async function runMatrix(
  t: TestContext,
  options: EdgeOptions,
  isWanted: (traffic: Traffic, path: Path) => boolean = () => true,
): Promise<CellResult[]> {
  await using edge = await BridgedEdge.build(options);
  const results: CellResult[] = [];
  for (const traffic of TRAFFIC) {
    for (const path of PATHS.filter((candidate) => isWanted(traffic, candidate))) {
      await t.test(`${trafficName(traffic)}, mirrored over ${pathName(path)}`, async () => {
        results.push(await runCell(edge, traffic, path));
      });
    }
  }
  return results;
}

test("every kind of traffic over every path", { timeout: 150_000 }, async (t) => {
  const results = await runMatrix(t, {});
  const [carried, mirrored] = [results.map((it) => it.carried), results.map((it) => it.mirrored)].map((counts) =>
    counts.reduce((sum, count) => sum + count, 0),
  );
  process.stdout.write(
    `${matrixTable(results)}\n${results.length} cells: ${mirrored} of ${carried} packets mirrored\n`,
  );
});

test("with an outer UDP checksum", { timeout: 60_000 }, async (t) => {
  await runMatrix(t, { mediation: { udpChecksum: "computed" } }, ({ size }) => size !== "64");
});

test("where copies always take the IP stack", { timeout: 60_000 }, async (t) => {
  const results = await runMatrix(t, { mediation: { way: "stack" } }, ({ size }) => size !== "9000");
  for (const { carried, throughStack, traffic } of results) assert.equal(throughStack, carried, trafficName(traffic));
});

test("there are no super-packets behind PPPoE: the kernel refuses to cut them", async () => {
  await using edge = await BridgedEdge.build();
  const options = { family: 4, payloadBytes: 5600, segmentBytes: 1400 } as const;
  const link = { source: MAC.subscriber, destination: MAC.server };
  const plain = superPacket({ ...options, link });
  assert.equal(edge.line.trySend("subscriber", plain.frame, plain.offload), undefined);
  const behindPppoe = superPacket({ ...options, link: { ...link, pppoe: 0x1234 } });
  assert.equal(edge.line.trySend("subscriber", behindPppoe.frame, behindPppoe.offload), "ENOMEM");
});
