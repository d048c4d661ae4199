/** What a run writes: bench/control.json, its charts, its figures in the document. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { machine } from "../machine.js";
import { replaceBlock } from "../markdown.js";
import type { ControlRecord } from "./records.js";
import { controlCharts, controlFigures } from "./report.js";

const IMAGES = "docs/img";
const DOCUMENT = "docs/performance.md";

export function writeAll(root: string, records: readonly ControlRecord[]): void {
  const where = machine();
  const lines = records.map((each) => JSON.stringify({ ...each, machine: where }));
  writeFileSync(join(root, "bench/control.json"), `[\n${lines.join(",\n")}\n]\n`);
  mkdirSync(join(root, IMAGES), { recursive: true });
  for (const { name, svg } of controlCharts(records)) writeFileSync(join(root, IMAGES, name), svg);
  const document = join(root, DOCUMENT);
  writeFileSync(document, replaceBlock(readFileSync(document, "utf8"), "control", controlFigures(records, where)));
}
