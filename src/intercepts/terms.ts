/** The terms of an intercept: from when until when, how much of the traffic, how fast. */
import { wholeNumber } from "./check.js";
import { checkDropPolicy } from "./drop-policy.js";
import { InterceptError } from "./errors.js";
import type { InterceptSpec } from "./types.js";

/** Of a snap length: the inner IPv4 header, and what tells flows apart. */
const MIN_SNAP_LENGTH = 68;
const MAX_SNAP_LENGTH = 65_535;
/** The datapath keeps buckets in byte-nanoseconds, 64 bits: half of that range leaves room for one refill. */
const MAX_RATE = 9_000_000_000;
const MAX_BURST = 9_000_000_000;

export type InterceptTerms = Pick<
  InterceptSpec,
  "notBefore" | "notAfter" | "dscp" | "dropPolicy" | "rate" | "snapLength"
>;

/** Throws InterceptError. `prefix` stands in front of the fields' names. */
export function checkTerms(terms: InterceptTerms, prefix = ""): void {
  const { notBefore, notAfter, dscp, dropPolicy, rate, snapLength } = terms;
  if (notBefore !== undefined && notAfter !== undefined && notAfter <= notBefore)
    throw new InterceptError(`${prefix}notAfter`, `${prefix}notAfter must be later than notBefore`);
  if (dscp !== undefined) wholeNumber(dscp, 0, 63, `${prefix}dscp`);
  if (dropPolicy) checkDropPolicy(dropPolicy, `${prefix}dropPolicy`);
  if (snapLength !== undefined) wholeNumber(snapLength, MIN_SNAP_LENGTH, MAX_SNAP_LENGTH, `${prefix}snapLength`);
  if (!rate) return;
  wholeNumber(rate.bytesPerSecond, 1, MAX_RATE, `${prefix}rate.bytesPerSecond`);
  wholeNumber(rate.burstBytes, 1, MAX_BURST, `${prefix}rate.burstBytes`);
}
