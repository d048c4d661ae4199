/** Why something that claims authority is refused. Codes are stable: they stand in results, metrics and the audit log. */
export const REFUSAL_REASONS = [
  /** Not of the form that is expected. */
  "malformed",
  /** An instruction in plain text where a signed one is demanded. */
  "not-signed",
  /** Signed, but readable by everybody on the bus. */
  "not-sealed",
  /** Sealed with a key that this program does not hold, or altered. */
  "cannot-open",
  /** Signed by a key that the configuration does not name. */
  "unknown-key",
  /** The signature does not fit the contents. */
  "bad-signature",
  /** The key is known, but may not sign this kind of thing. */
  "wrong-kind",
  /** Made for another event: cut out and put in here. */
  "wrong-event",
  "expired",
  "not-yet-valid",
  /** Its validity is longer than instructions may be remembered. */
  "window-too-long",
  "nas-not-allowed",
  "intercept-id-not-allowed",
  "mediation-not-allowed",
  /** Packets named by something else than the subscriber's sessions. */
  "match-not-allowed",
  "duration-too-long",
  /** Two distinct authorities have to sign. */
  "second-signature-missing",
  "replayed",
  /** A later order of the same task has been carried out. */
  "superseded",
  /** Another authority's task. */
  "not-its-owner",
  "no-such-task",
  /** Too many instructions are within their validity to remember one more. */
  "replay-memory-full",
  /** It could not be put on record. */
  "audit-unavailable",
] as const;

export type RefusalReason = (typeof REFUSAL_REASONS)[number];

/** The message is one sentence that names no subject and no secret. */
export class SecurityError extends Error {
  override readonly name = "SecurityError";
  constructor(
    readonly reason: RefusalReason,
    message: string,
    options?: ErrorOptions,
  ) {
    super(message, options);
  }
}

/** A key or a file of keys that cannot be used; the message says what to do. */
export class KeyError extends Error {
  override readonly name = "KeyError";
}

/** A file of ours that cannot be read back; the message says where and what to do. */
export class StateFileError extends Error {
  override readonly name = "StateFileError";
}
