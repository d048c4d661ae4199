/**
 * What an edge carries, in every form that it takes on real networks, over every kind of path to a mediation device: in
 * each cell all packets are mirrored byte for byte, and the originals pass unchanged, in both directions.
 */
import { test } from "node:test";
import { BridgedEdge } from "./matrix/bridged-edge.js";
import { PATHS, pathName, TRAFFIC, trafficName } from "./matrix/cells.js";
import { type CellResult, runCell } from "./matrix/run-cell.js";
import { matrixTable } from "./matrix/table.js";

test("the matrix of links, packets and mediation paths", { timeout: 180_000 }, async (t) => {
  await using edge = await BridgedEdge.build();
  const results: CellResult[] = [];
  let cells = 0;
  for (const traffic of TRAFFIC) {
    for (const path of PATHS) {
      await t.test(`${trafficName(traffic)}, mirrored over ${pathName(path)}`, async () => {
        cells++;
        results.push(await runCell(edge, traffic, path, 4 * cells));
      });
    }
  }
  process.stdout.write(`${matrixTable(results)}\n`);
});
