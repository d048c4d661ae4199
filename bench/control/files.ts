/** What a run writes: bench/control.json, its charts, its figures in the document. */
import { existsSync, mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { loadavg } from "node:os";
import { join } from "node:path";
import { type Machine, machine } from "../machine.js";
import { replaceBlock } from "../markdown.js";
import type { ControlRecord } from "./records.js";
import { controlCharts, controlFigures } from "./report.js";

interface StoredRecord extends ControlRecord {
  readonly machine: Machine;
}

const IMAGES = "docs/img";
const DOCUMENT = "docs/performance.md";

const RECORDS = "bench/control.json";

/** Puts the cases that were measured in the place of what is there of them, and writes all anew. */
export function writeAll(root: string, measured: readonly ControlRecord[]): void {
  const [where, load] = [machine(), Number((loadavg()[0] ?? 0).toFixed(1))];
  const names = new Set(measured.map((each) => each.case));
  const kept = readRecords(root).filter((each) => !names.has(each.case));
  const records: StoredRecord[] = [...kept, ...measured.map((each) => ({ ...each, load, machine: where }))];
  const lines = records.map((each) => JSON.stringify(each));
  writeFileSync(join(root, RECORDS), `[\n${lines.join(",\n")}\n]\n`);
  mkdirSync(join(root, IMAGES), { recursive: true });
  for (const { name, svg } of controlCharts(records)) writeFileSync(join(root, IMAGES, name), svg);
  const document = join(root, DOCUMENT);
  writeFileSync(document, replaceBlock(readFileSync(document, "utf8"), "control", controlFigures(records, where)));
}

function readRecords(root: string): StoredRecord[] {
  const path = join(root, RECORDS);
  return existsSync(path) ? (JSON.parse(readFileSync(path, "utf8")) as StoredRecord[]) : [];
}
