/** Instructions that the kernel's verifier goes through for each program: what loading costs, and how far a limit is. */
import { execFileSync } from "node:child_process";
import { existsSync, readdirSync, readFileSync } from "node:fs";
import { release } from "node:os";
import { join } from "node:path";
import { BpfObject } from "libbpf-ts";
import { OBJECT_DIRECTORY } from "./rig.js";

export const RECORD_FILE = "test/bpf/verifier-counts.json";
export const RECORD_COMMAND = "node dist/test/bpf/record-verifier-counts.js";

/** By program, by object file. */
export type Counts = Record<string, Record<string, number>>;
/** By environment: kernel and compiler make the numbers. */
export type RecordedCounts = Record<string, Counts>;

function clangVersion(): string {
  const said = execFileSync("make", ["-s", "-C", "bpf", "compiler"], { encoding: "utf8" });
  return /version (\d+)/.exec(said)?.[1] ?? "unknown";
}

export function environment(): string {
  const [major, minor] = release().split(".");
  return `Linux ${major}.${minor}, clang ${clangVersion()}`;
}

export function measureCounts(): Counts {
  const objects = readdirSync(OBJECT_DIRECTORY)
    .filter((name) => name.endsWith(".o"))
    .toSorted();
  return Object.fromEntries(
    objects.map((name) => {
      using object = BpfObject.open(join(OBJECT_DIRECTORY, name)).load();
      const programs = object.programs.map((program) => [program.name, program.info().verifiedInsns] as const);
      return [name, Object.fromEntries(programs.toSorted(([a], [b]) => (a < b ? -1 : 1)))];
    }),
  );
}

export function readRecord(): RecordedCounts {
  return existsSync(RECORD_FILE) ? (JSON.parse(readFileSync(RECORD_FILE, "utf8")) as RecordedCounts) : {};
}
