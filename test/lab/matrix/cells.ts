/** What the matrix is made of: kinds of traffic, and the ways that their copies take. */

export const LINKS = ["untagged", "VLAN", "QinQ", "PPPoE", "PPPoE in QinQ"] as const;
export const FAMILIES = [4, 6] as const;
/** Bytes of an IP packet, fragments of a larger one, or super-packets. */
export const SIZES = ["64", "1500", "9000", "fragmented", "GSO"] as const;
export const OUTERS = [4, 6] as const;
export const MEDIATION_MTUS = [1500, 9000] as const;

export interface Traffic {
  readonly link: (typeof LINKS)[number];
  readonly family: (typeof FAMILIES)[number];
  readonly size: (typeof SIZES)[number];
}

export interface Path {
  readonly outer: (typeof OUTERS)[number];
  readonly mtu: (typeof MEDIATION_MTUS)[number];
}

export const TRAFFIC: readonly Traffic[] = LINKS.flatMap((link) =>
  FAMILIES.flatMap((family) => SIZES.map((size) => ({ link, family, size }))),
);

export const PATHS: readonly Path[] = OUTERS.flatMap((outer) => MEDIATION_MTUS.map((mtu) => ({ outer, mtu })));

export function trafficName({ link, family, size }: Traffic): string {
  return `${link}, IPv${family}, ${size}`;
}

export function pathName({ outer, mtu }: Path): string {
  return `IPv${outer}, MTU ${mtu}`;
}
