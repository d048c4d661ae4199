/**
 * The memory of orders that were taken, on the disk of the node: bounded by their validity and by a number, so that a replay
 * is known also after a restart. One line of JSON for each order, each task's serial, and each order that has ended.
 */
import { closeSync, fsyncSync, openSync, readFileSync, renameSync, writeSync } from "node:fs";
import { dirname } from "node:path";
import { AppendFile, syncDirectory } from "../disk/append-file.js";
import { StateFileError } from "../errors.js";
import type { OrderPlace, ReplayView } from "./replay.js";

export interface TakenOrder {
  readonly id: string;
  readonly place: OrderPlace;
  /** Until when it has to be remembered: Unix time in milliseconds. */
  readonly until: number;
  readonly task?: { readonly id: string; readonly serial: number };
}

type Line =
  | { readonly i: string; readonly p: OrderPlace; readonly u: number }
  | { readonly t: string; readonly s: number; readonly u: number }
  | { readonly e: string; readonly u: number };

const DEFAULT_LIMIT = 1_000_000;
/** Rewritten when more lines than these are of no use any more. */
const SLACK = 10_000;

export class ReplayJournal implements ReplayView {
  readonly #orders = new Map<string, { place: OrderPlace; until: number }>();
  readonly #tasks = new Map<string, { serial: number; until: number }>();
  readonly #ended = new Map<string, number>();
  #file: AppendFile;
  #lines = 0;

  /** Reads what is there. Throws what the file system says. `now`: Unix time in milliseconds. */
  constructor(
    private readonly path: string,
    now: number,
    private readonly limit = DEFAULT_LIMIT,
  ) {
    this.#file = new AppendFile(path);
    this.#read(now);
  }

  get hasRoom(): boolean {
    return this.#orders.size < this.limit;
  }

  /** Orders remembered. */
  get size(): number {
    return this.#orders.size;
  }

  placeOf(id: string): OrderPlace | undefined {
    return this.#orders.get(id)?.place;
  }

  serialOf(task: string): number {
    return this.#tasks.get(task)?.serial ?? 0;
  }

  /** True where the intercept that the order started was ended: a record that still has it is out of date, or put back. */
  hasEnded(id: string): boolean {
    return this.#ended.has(id);
  }

  /** Remembers the order; on the disk with the next `commit`. */
  take({ id, place, until, task }: TakenOrder): void {
    this.#orders.set(id, { place, until });
    this.#append({ i: id, p: place, u: until });
    if (task === undefined || task.serial <= this.serialOf(task.id)) return;
    this.#tasks.set(task.id, { serial: task.serial, until });
    this.#append({ t: task.id, s: task.serial, u: until });
  }

  /** The intercept that the order started is over, and must not come back. */
  end(id: string, until: number): void {
    if (this.#ended.has(id)) return;
    this.#ended.set(id, until);
    this.#append({ e: id, u: until });
  }

  /** Everything taken is on the disk when this returns. Throws what the disk says. */
  commit(): void {
    this.#file.commit();
  }

  /** Forgets what has expired; rewrites the file where most of it is of no use. */
  prune(now: number): void {
    for (const [id, { until }] of this.#orders) if (until < now) this.#orders.delete(id);
    for (const [task, { until }] of this.#tasks) if (until < now) this.#tasks.delete(task);
    for (const [id, until] of this.#ended) if (until < now) this.#ended.delete(id);
    const live = this.#orders.size + this.#tasks.size + this.#ended.size;
    if (this.#lines > 2 * live + SLACK) this.#rewrite();
  }

  close(): void {
    this.#file.close();
  }

  #append(line: Line): void {
    this.#lines += 1;
    this.#file.append(encode(line));
  }

  #read(now: number): void {
    for (const [index, text] of readFileSync(this.path, "utf8").split("\n").entries()) {
      if (text === "") continue;
      this.#lines += 1;
      const line = parseLine(text);
      if (line === undefined) {
        throw new StateFileError(
          `${this.path}:${index + 1} is not a line of the replay memory: restore the file, or move it away and accept that orders taken before are not known any more`,
        );
      }
      if (line.u < now) continue;
      if ("i" in line) this.#orders.set(line.i, { place: line.p, until: line.u });
      else if ("t" in line) this.#tasks.set(line.t, { serial: line.s, until: line.u });
      else this.#ended.set(line.e, line.u);
    }
  }

  #rewrite(): void {
    const lines: Line[] = [
      ...[...this.#orders].map(([i, { place, until }]) => ({ i, p: place, u: until })),
      ...[...this.#tasks].map(([t, { serial, until }]) => ({ t, s: serial, u: until })),
      ...[...this.#ended].map(([e, u]) => ({ e, u })),
    ];
    const next = `${this.path}.new`;
    const fd = openSync(next, "w", 0o600);
    try {
      const bytes = Buffer.concat(lines.map(encode));
      for (let at = 0; at < bytes.length; ) at += writeSync(fd, bytes, at);
      fsyncSync(fd);
    } finally {
      closeSync(fd);
    }
    renameSync(next, this.path);
    syncDirectory(dirname(this.path));
    this.#file.close();
    this.#file = new AppendFile(this.path);
    this.#lines = lines.length;
  }
}

function parseLine(text: string): Line | undefined {
  try {
    const line = JSON.parse(text) as Partial<Record<string, unknown>>;
    const named = typeof line.i === "string" || typeof line.t === "string" || typeof line.e === "string";
    return named && typeof line.u === "number" ? (line as unknown as Line) : undefined;
  } catch {
    return undefined;
  }
}

function encode(line: Line): Buffer {
  return Buffer.from(`${JSON.stringify(line)}\n`);
}
