/**
 * The SNMP engine of an agent (RFC 3414 section 2.2): its id, and how often it was started. Receivers refuse what claims to
 * be older than what they have seen, so the count outlives the agent.
 */
import { mkdirSync, readFileSync, renameSync, writeFileSync } from "node:fs";
import { join } from "node:path";

export interface SnmpEngine {
  /** Hex, 5 to 32 bytes. */
  readonly id: string;
  readonly boots: number;
  /** Seconds since this start. */
  time(): number;
}

const FILE = "snmp-engine.json";
const MAX_BOOTS = 2 ** 31 - 2;
/** RFC 3411 SnmpEngineID: variable-length format, enterprise 0 (nobody's), text. */
const TEXT_ID = "8000000004";
const MAX_TEXT_BYTES = 27;

/** The id of an agent whose configuration names none. */
export function defaultEngineId(node: string): string {
  return TEXT_ID + Buffer.from(node, "ascii").subarray(0, MAX_TEXT_BYTES).toString("hex");
}

/** Counts this start. Throws what the file system says. */
export function startEngine(directory: string, id: string, now: () => number = () => performance.now()): SnmpEngine {
  mkdirSync(directory, { recursive: true, mode: 0o700 });
  const path = join(directory, FILE);
  const boots = Math.min(bootsBefore(path) + 1, MAX_BOOTS);
  writeFileSync(`${path}.new`, `${JSON.stringify({ boots })}\n`, { mode: 0o600, flush: true });
  renameSync(`${path}.new`, path);
  const started = now();
  return { id, boots, time: () => Math.floor((now() - started) / 1000) };
}

function bootsBefore(path: string): number {
  try {
    const { boots } = JSON.parse(readFileSync(path, "utf8")) as { boots?: unknown };
    return typeof boots === "number" && Number.isSafeInteger(boots) && boots >= 0 ? boots : 0;
  } catch {
    return 0;
  }
}
