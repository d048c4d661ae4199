/** Reads an audit log from its first entry to its last and finds the first that does not fit. */

import { SecurityError } from "../errors.js";
import type { Verifier } from "../keys/signing-key.js";
import { type AuditEntry, NO_HASH, parseEntry } from "./entry.js";
import { type AuditHead, readHead } from "./head.js";
import { listSegments, readLines, type Segment } from "./segments.js";

export interface Misfit {
  /** File and line; the file alone where a line is missing. */
  readonly place: string;
  /** Sequence of the entry that does not fit, or that is missing. */
  readonly seq: number;
  readonly problem: string;
}

export interface VerifyOptions {
  readonly directory: string;
  /** Whose signature the head record must have. Undefined: it is not asked for. */
  readonly verifierOf?: (publicKey: string) => Verifier | undefined;
  /** Hashes of the copies that left the node, by sequence. */
  readonly copies?: ReadonlyMap<number, string>;
}

export interface Verified {
  /** Sequences of the entries that are there. Both 0 where there is none. */
  readonly first: number;
  readonly last: number;
  readonly segments: number;
  /** Entries whose copy was compared. */
  readonly compared: number;
  /** The first entry that does not fit. */
  readonly misfit: Misfit | undefined;
  /** Time of the last entry. */
  readonly lastTime: string | undefined;
}

class MisfitFound extends Error {
  constructor(readonly misfit: Misfit) {
    super(misfit.problem);
  }
}

class Chain {
  first = 0;
  seq = 0;
  hash = NO_HASH;
  lastTime: string | undefined;
  compared = 0;
  /** Highest sequence that the log itself says was deleted. */
  prunedUpTo = 0;
  hashAtHead: string | undefined;

  constructor(
    private readonly head: AuditHead | undefined,
    private readonly copies: ReadonlyMap<number, string> | undefined,
  ) {}

  /** Throws MisfitFound. */
  add(line: Buffer, place: string, isFirst: boolean, promised: number): void {
    const entry = this.#parse(line, place);
    if (isFirst) this.#begin(entry, place, promised);
    else if (entry.seq !== this.seq + 1) throw misfitAt(place, this.seq + 1, this.#disorder(entry.seq));
    if (!isFirst && entry.prev !== this.hash) {
      throw misfitAt(place, entry.seq, "is not chained to the entry before it: one of the two was replaced");
    }
    this.#compare(entry, place);
    [this.seq, this.hash, this.lastTime] = [entry.seq, entry.hash, entry.time];
    if (entry.seq === this.head?.seq) this.hashAtHead = entry.hash;
    if (entry.kind === "pruned" && typeof entry["upTo"] === "number")
      this.prunedUpTo = Math.max(this.prunedUpTo, entry["upTo"]);
  }

  #parse(line: Buffer, place: string): AuditEntry {
    try {
      return parseEntry(line);
    } catch (error) {
      if (!(error instanceof SecurityError)) throw error;
      throw misfitAt(
        place,
        this.seq + 1,
        error.reason === "malformed" ? "is not an entry of the audit log" : error.message,
      );
    }
  }

  #begin(entry: AuditEntry, place: string, promised: number): void {
    if (entry.seq !== promised) throw misfitAt(place, promised, "is missing at the beginning of the file");
    if (entry.seq === 1 && entry.prev !== NO_HASH) throw misfitAt(place, 1, "is chained to an entry before the first");
    this.first = entry.seq;
  }

  #disorder(found: number): string {
    return found > this.seq
      ? `is missing, or out of place: entry ${found} stands here`
      : `is out of place: entry ${found} stands here`;
  }

  #compare(entry: AuditEntry, place: string): void {
    const copy = this.copies?.get(entry.seq);
    if (copy === undefined) return;
    if (copy !== entry.hash) throw misfitAt(place, entry.seq, "differs from its copy in the stream AUDIT");
    this.compared += 1;
  }
}

export async function verifyAudit(options: VerifyOptions): Promise<Verified> {
  const { directory, verifierOf, copies } = options;
  const reading = readHead(directory, verifierOf);
  const head = reading.kind === "head" ? reading.head : undefined;
  const chain = new Chain(head, copies);
  const segments = listSegments(directory);
  let found: Misfit | undefined;
  try {
    for (const segment of segments) await addSegment(chain, segment, segment === segments.at(-1));
    checkBeginning(chain, segments[0]);
    checkEnd(chain, segments.at(-1), copies);
    if (reading.kind === "bad") throw misfitAt("head.json", chain.seq, reading.reason);
    if (reading.kind === "none" && chain.seq > 0)
      throw misfitAt("head.json", chain.seq, "the head record is missing: how far the log had come is not known");
    checkHead(chain, head, segments.at(-1));
  } catch (error) {
    if (!(error instanceof MisfitFound)) throw error;
    found = error.misfit;
  }
  const { first, seq: last, compared, lastTime } = chain;
  return { first, last, segments: segments.length, compared, misfit: found, lastTime };
}

async function addSegment(chain: Chain, segment: Segment, isLast: boolean): Promise<void> {
  if (chain.first > 0 && segment.first !== chain.seq + 1) {
    throw misfitAt(segment.name, chain.seq + 1, `is missing: the file begins with entry ${segment.first}`);
  }
  let isFirst = chain.first === 0;
  for await (const { bytes, number, ended } of readLines(segment.path)) {
    const place = `${segment.name}:${number}`;
    // The last line of the log may be being written at this moment: it is no entry before its newline is there.
    if (!ended && isLast) return;
    if (!ended) throw misfitAt(place, chain.seq + 1, "is incomplete: the line has no end");
    chain.add(bytes, place, isFirst, segment.first);
    isFirst = false;
  }
}

function checkBeginning(chain: Chain, segment: Segment | undefined): void {
  if (segment === undefined || chain.first <= 1 || chain.prunedUpTo >= chain.first - 1) return;
  throw misfitAt(
    segment.name,
    1,
    `entries 1 to ${chain.first - 1} are missing, and the log does not say that they were deleted`,
  );
}

function checkHead(chain: Chain, head: AuditHead | undefined, segment: Segment | undefined): void {
  if (head === undefined) return;
  const place = segment?.name ?? "head.json";
  if (head.seq > chain.seq)
    throw misfitAt(place, chain.seq + 1, `is missing: the log had come to entry ${head.seq}, and its end was cut off`);
  if (chain.hashAtHead !== undefined && chain.hashAtHead !== head.hash) {
    throw misfitAt(place, head.seq, "is not the entry that the head record names: the log was written anew");
  }
}

function checkEnd(chain: Chain, segment: Segment | undefined, copies: ReadonlyMap<number, string> | undefined): void {
  const copied = Math.max(0, ...(copies?.keys() ?? []));
  if (copied > chain.seq) {
    throw misfitAt(
      segment?.name ?? "stream AUDIT",
      chain.seq + 1,
      `is missing: the stream AUDIT has copies up to entry ${copied}`,
    );
  }
}

function misfitAt(place: string, seq: number, problem: string): MisfitFound {
  return new MisfitFound({ place, seq, problem });
}
