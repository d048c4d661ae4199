/** Drop policies: what may stand in one, and what would be a mistake. */
import { type IpPrefix, maskBytes } from "../net/addresses.js";
import { prefixOf, wholeNumber } from "./check.js";
import { InterceptError } from "./errors.js";
import type { DropTerm } from "./types.js";

export const MAX_TERMS = 16;

type Range = readonly [number, number];

/** A term whose fields are read: absent ones fit every packet. */
export interface CheckedTerm {
  readonly source?: IpPrefix;
  readonly destination?: IpPrefix;
  readonly sourcePorts?: Range;
  readonly destinationPorts?: Range;
  readonly protocol?: number;
  readonly dscp?: number;
}

/** Protocols whose ports the datapath reads: TCP, UDP, DCCP, SCTP, UDP-Lite. */
const WITH_PORTS: ReadonlySet<number> = new Set([6, 17, 33, 132, 136]);

/** Throws InterceptError, also for a term that no packet fits, or that never decides since another one covers it. */
export function checkDropPolicy(terms: readonly DropTerm[], field: string): readonly CheckedTerm[] {
  if (terms.length > MAX_TERMS) throw new InterceptError(field, `${field} must have at most ${MAX_TERMS} terms`);
  const checked = terms.map((term, index) => checkTerm(term, `${field}[${index}]`));
  for (const [index, term] of checked.entries()) {
    const other = checked.findIndex((candidate, at) => at !== index && covers(candidate, term));
    if (other === -1) continue;
    const name = `${field}[${index}]`;
    throw new InterceptError(
      name,
      `${name} overlaps ${field}[${other}], which every packet fits that fits it: leave it out`,
    );
  }
  return checked;
}

function checkTerm(term: DropTerm, field: string): CheckedTerm {
  const { source, destination, sourcePorts, destinationPorts, protocol, dscp } = term;
  const checked = {
    ...(source !== undefined && { source: prefixOf(source, `${field}.source`) }),
    ...(destination !== undefined && { destination: prefixOf(destination, `${field}.destination`) }),
    ...(sourcePorts && { sourcePorts: portRange(sourcePorts, `${field}.sourcePorts`) }),
    ...(destinationPorts && { destinationPorts: portRange(destinationPorts, `${field}.destinationPorts`) }),
    ...(protocol !== undefined && { protocol: wholeNumber(protocol, 0, 255, `${field}.protocol`) }),
    ...(dscp !== undefined && { dscp: wholeNumber(dscp, 0, 63, `${field}.dscp`) }),
  };
  if (Object.keys(checked).length === 0)
    throw new InterceptError(field, `${field} is empty and would leave out everything`);
  refuseContradiction(checked, field);
  return checked;
}

function portRange(ports: Range, field: string): Range {
  const [low, high] = ports.map((port) => wholeNumber(port, 0, 65_535, field)) as [number, number];
  if (low > high) throw new InterceptError(field, `${field} must have its first port no higher than its last`);
  return [low, high];
}

function refuseContradiction(term: CheckedTerm, field: string): void {
  const { source, destination, protocol } = term;
  if (source && destination && source.family !== destination.family)
    throw new InterceptError(
      field,
      `${field} contradicts itself: source and destination are of different address families, so no packet fits`,
    );
  const ports = term.sourcePorts ?? term.destinationPorts;
  if (ports && protocol !== undefined && !WITH_PORTS.has(protocol))
    throw new InterceptError(field, `${field} contradicts itself: its protocol has no ports, so no packet fits`);
}

/** Every packet that fits `narrow` fits `wide`. */
function covers(wide: CheckedTerm, narrow: CheckedTerm): boolean {
  return (
    holdsPrefix(wide.source, narrow.source) &&
    holdsPrefix(wide.destination, narrow.destination) &&
    holdsRange(wide.sourcePorts, narrow.sourcePorts) &&
    holdsRange(wide.destinationPorts, narrow.destinationPorts) &&
    (wide.protocol === undefined || wide.protocol === narrow.protocol) &&
    (wide.dscp === undefined || wide.dscp === narrow.dscp)
  );
}

function holdsPrefix(wide: IpPrefix | undefined, narrow: IpPrefix | undefined): boolean {
  if (!wide) return true;
  if (!narrow || narrow.family !== wide.family || narrow.length < wide.length) return false;
  return maskBytes(narrow.bytes, wide.length).equals(wide.bytes);
}

function holdsRange(wide: Range | undefined, narrow: Range | undefined): boolean {
  if (!wide) return true;
  return narrow !== undefined && narrow[0] >= wide[0] && narrow[1] <= wide[1];
}
