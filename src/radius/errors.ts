/** Why a packet or a value was refused. Bounded: these are metric labels. */
export type RadiusErrorReason =
  /** Header, length or attribute structure that RFC 2865 section 3 and 5 do not allow. */
  | "malformed"
  /** Over 4096 bytes, or an attribute over 253. */
  | "too-long"
  /** A salt-encrypted or hidden value that does not decrypt to something well-formed. */
  | "undecryptable"
  /** A value that its dictionary type does not allow. */
  | "value"
  /** A dictionary file that cannot be understood. */
  | "dictionary";

/** The only thing that this folder throws. The message is one sentence without a subject in it. */
export class RadiusError extends Error {
  override readonly name = "RadiusError";
  constructor(
    readonly reason: RadiusErrorReason,
    message: string,
  ) {
    super(message);
  }
}
