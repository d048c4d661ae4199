/** What is put on record, in the terms of the domain. Whom it is about is sealed to the auditors. */

import type { RefusalReason } from "../errors.js";
import type { Signer } from "../keys/signing-key.js";
import type { DataKey } from "../seal/data-key.js";
import { issueDataKey } from "../seal/grant.js";
import type { AuditFields } from "./entry.js";
import { type AuditLog, AuditUnavailableError } from "./log.js";

export interface OrderRecord {
  /** Id of the order; undefined where it could not be read. */
  readonly order?: string;
  readonly event?: string;
  readonly task?: string;
  readonly nas?: string;
  /** Where it stands in its stream. */
  readonly place: string;
  /** Names of the authorities that signed. */
  readonly by?: readonly string[];
  readonly refused?: RefusalReason | "not-readable";
  /** Whom it is about and what it asks for: sealed. */
  readonly about?: unknown;
}

export interface ResultRecord {
  readonly event?: string;
  readonly task?: string;
  readonly result: string;
  readonly errorCause?: number;
}

export interface InterceptRecord {
  readonly change: "begins" | "changes" | "ends";
  /** Names the intercept on this node; tells nothing of the subject. */
  readonly intercept: string;
  readonly order?: string;
  readonly event?: string;
  readonly why?: string;
  readonly about?: unknown;
}

/** Puts on record; nothing is on the disk before `commit`. */
export interface AuditRecord {
  order(record: OrderRecord): void;
  result(record: ResultRecord): void;
  intercept(record: InterceptRecord): void;
  /** True when everything is on the disk. */
  commit(): boolean;
}

/** Where there is no audit log: lab mode. */
export const NO_AUDIT: AuditRecord = {
  order: () => undefined,
  result: () => undefined,
  intercept: () => undefined,
  commit: () => true,
};

export interface RecorderOptions {
  readonly log: AuditLog;
  readonly node: string;
  readonly signer: Signer | undefined;
  /** Public sealing keys of those who may read whom an entry is about. None: that is left out. */
  readonly readers: readonly string[];
  /** Unix time in milliseconds. */
  readonly clock: () => number;
  /** The disk takes nothing; said once, and again when it does. */
  readonly onUnavailable: (reason: string) => void;
  readonly onAvailable: () => void;
}

const DAY_MS = 24 * 3_600_000;
/** Refusals a second that are put on record one by one. Whoever can reach the bus can send millions; those are counted. */
const REFUSALS_PER_SECOND = 20;

export class AuditRecorder implements AuditRecord {
  #key: DataKey | undefined;
  #keyFrom = 0;
  #available = true;
  #second = 0;
  #refusals = 0;
  readonly #suppressed = new Map<string, number>();

  constructor(private readonly options: RecorderOptions) {}

  order({ refused, about, ...fields }: OrderRecord): void {
    const result = refused === undefined ? "accepted" : "refused";
    if (refused !== undefined && !this.#isWorthAnEntry(refused)) return;
    this.#append(
      "order",
      { ...fields, result, ...(refused !== undefined && { reason: refused }), ...this.#takeSuppressed() },
      about,
    );
  }

  result(record: ResultRecord): void {
    this.#append("result", { ...record });
  }

  intercept({ about, ...fields }: InterceptRecord): void {
    this.#append("intercept", fields, about);
  }

  commit(): boolean {
    try {
      this.options.log.commit();
      if (!this.#available) this.options.onAvailable();
      this.#available = true;
    } catch (error) {
      if (!(error instanceof AuditUnavailableError)) throw error;
      if (this.#available) this.options.onUnavailable(error.message);
      this.#available = false;
    }
    return this.#available;
  }

  #append(kind: "order" | "result" | "intercept", fields: AuditFields, about?: unknown): void {
    const key = about === undefined ? undefined : this.#currentKey();
    const sealed = key?.seal(Buffer.from(JSON.stringify(about)), auditContext(this.options.node)).toString("base64url");
    this.options.log.append(kind, { ...fields, ...(sealed !== undefined && { sealed }) });
  }

  /** The grant stands in the log itself, so that a copy of the log is all that an auditor needs. */
  #currentKey(): DataKey | undefined {
    const { signer, readers, clock, log } = this.options;
    if (signer === undefined || readers.length === 0) return undefined;
    if (this.#key === undefined || clock() - this.#keyFrom > DAY_MS) {
      const { key, grant } = issueDataKey("audit", readers, signer, clock());
      log.append("data-key", { grant });
      [this.#key, this.#keyFrom] = [key, clock()];
    }
    return this.#key;
  }

  #isWorthAnEntry(reason: string): boolean {
    const second = Math.floor(this.options.clock() / 1000);
    if (second !== this.#second) [this.#second, this.#refusals] = [second, 0];
    this.#refusals += 1;
    if (this.#refusals <= REFUSALS_PER_SECOND) return true;
    this.#suppressed.set(reason, (this.#suppressed.get(reason) ?? 0) + 1);
    return false;
  }

  #takeSuppressed(): AuditFields {
    if (this.#suppressed.size === 0) return {};
    const suppressed = Object.fromEntries(this.#suppressed);
    this.#suppressed.clear();
    return { suppressed };
  }
}

export function auditContext(node: string): string {
  return JSON.stringify(["audit", node]);
}
