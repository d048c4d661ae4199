/** The matrix for people: one line for each kind of traffic, one column for each path. */
import Table from "cli-table3";
import { PATHS, type Path, pathName, TRAFFIC, type Traffic, trafficName } from "./cells.js";
import type { CellResult } from "./run-cell.js";

export function matrixTable(results: readonly CellResult[]): string {
  const table = new Table({
    head: ["mirrored / carried", ...PATHS.map((path) => `to ${pathName(path)}`)],
    style: { head: [], border: [], compact: true },
  });
  for (const traffic of TRAFFIC)
    table.push([trafficName(traffic), ...PATHS.map((path) => cell(results, traffic, path))]);
  return table.toString();
}

function cell(results: readonly CellResult[], traffic: Traffic, path: Path): string {
  const result = results.find((it) => it.traffic === traffic && it.path === path);
  if (!result) return "-";
  const { mirrored, carried, throughStack, fragmented } = result;
  const ways = [
    ...(fragmented > 0 ? [`${fragmented} in fragments`] : []),
    ...(throughStack > fragmented ? [`${throughStack - fragmented} through the stack`] : []),
  ];
  return [`${mirrored}/${carried}`, ...ways].join(", ");
}
