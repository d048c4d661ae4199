/** The commands of a guide: each block of shell says in a comment above it where it is run. */
import { readFileSync } from "node:fs";
import { fileURLToPath } from "node:url";
import { LabError } from "./errors.js";

/** From dist/test/lab/parts. */
const ROOT = fileURLToPath(new URL("../../../../", import.meta.url));
const BLOCK = /(?:<!-- guide: ([^>]*?) -->\n+)?```sh\n(.*?)^```$/gms;

export interface GuideBlock {
  /** Hosts that it is run on, one after the other. */
  readonly hosts: readonly string[];
  /** It runs on while the guide goes on. */
  readonly stays: boolean;
  readonly commands: string;
}

/** The blocks that are run, in order. Throws LabError where one does not say where. */
export function guideBlocks(file: string): GuideBlock[] {
  const text = readFileSync(`${ROOT}${file}`, "utf8");
  return [...text.matchAll(BLOCK)].flatMap(([, where, commands = ""]) => {
    if (where === undefined) throw new LabError(`${file}: no comment says where this is run:\n${commands}`);
    if (where.startsWith("not by the test: ")) return [];
    const words = where.split(", ");
    return [{ hosts: words.filter((word) => word !== "stays"), stays: words.includes("stays"), commands }];
  });
}
