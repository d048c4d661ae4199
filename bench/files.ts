/** What a run writes: results.json, the charts, the figures of the document. */
import { mkdirSync, readFileSync, writeFileSync } from "node:fs";
import { join } from "node:path";
import { chartsOf } from "./charts.js";
import type { Machine } from "./machine.js";
import { figures, type Run, replaceBlock } from "./markdown.js";
import type { Result } from "./results.js";

export interface Record extends Result {
  readonly machine: Machine;
}

const RESULTS = "bench/results.json";
const IMAGES = "docs/img";
const DOCUMENT = "docs/performance.md";

export function writeResults(root: string, results: readonly Result[], machine: Machine): void {
  const lines = results.map((result): string => JSON.stringify({ ...result, machine } satisfies Record));
  writeFileSync(join(root, RESULTS), `[\n${lines.join(",\n")}\n]\n`);
}

/** Throws a sentence that says what to do where there is nothing to read. */
export function readResults(root: string): Record[] {
  try {
    return JSON.parse(readFileSync(join(root, RESULTS), "utf8")) as Record[];
  } catch (error) {
    throw new Error(`${RESULTS} cannot be read: run "make bench" first.`, { cause: error });
  }
}

export function drawCharts(root: string, results: readonly Result[]): void {
  mkdirSync(join(root, IMAGES), { recursive: true });
  for (const { name, svg } of chartsOf(results)) writeFileSync(join(root, IMAGES, `${name}.svg`), svg);
}

/** Sets the figures of the document, and leaves its words. */
export function writeFigures(root: string, run: Run): void {
  const path = join(root, DOCUMENT);
  const blocks = Object.entries(figures(run));
  const text = blocks.reduce((all, [name, block]) => replaceBlock(all, name, block), readFileSync(path, "utf8"));
  writeFileSync(path, text);
}
