/** From a subscriber match to the key of the kernel map that finds it. Pure. */
import { InterceptError } from "../intercepts/errors.js";
import { checkMatch } from "../intercepts/match.js";
import type { SubscriberMatch } from "../intercepts/types.js";
import type { IpPrefix } from "../net/addresses.js";
import { ConfigFlags, Host4Key, Host6Key, LinkKey, LinkKind, Prefix4Key, Prefix6Key } from "./layout.gen.js";

export type MatchMap = "hosts4" | "hosts6" | "prefixes4" | "prefixes6" | "links";

export interface MatchKind {
  readonly map: MatchMap;
  /** The `config_flags` bit that has the kernel look there. */
  readonly flag: number;
  readonly keyBytes: number;
  /** Hosts are behind the sieve; of prefixes the kernel finds the longest. */
  readonly way: "host" | "prefix" | "link";
}

const kinds: MatchKind[] = [];

/** Returns the first character of the keys of that kind. */
function kind(map: MatchMap, flag: number, keyBytes: number, way: MatchKind["way"]): number {
  return kinds.push({ map, flag, keyBytes, way }) - 1;
}

const HOST4 = kind("hosts4", ConfigFlags.CONFIG_HOSTS4, Host4Key.size, "host");
/** By prefix length: those that have a hash lookup of their own. */
const HOST6: ReadonlyMap<number, number> = new Map([
  [128, kind("hosts6", ConfigFlags.CONFIG_HOSTS6_128, Host6Key.size, "host")],
  [64, kind("hosts6", ConfigFlags.CONFIG_HOSTS6_64, Host6Key.size, "host")],
  [56, kind("hosts6", ConfigFlags.CONFIG_HOSTS6_56, Host6Key.size, "host")],
]);
/** What another version may have left there. */
const [OTHER_HOST6, OTHER_LINK] = [kind("hosts6", 0, Host6Key.size, "host"), kind("links", 0, LinkKey.size, "link")];
const PREFIX4 = kind("prefixes4", ConfigFlags.CONFIG_PREFIXES4, Prefix4Key.size, "prefix");
const PREFIX6 = kind("prefixes6", ConfigFlags.CONFIG_PREFIXES6, Prefix6Key.size, "prefix");
const LINKS: ReadonlyMap<number, number> = new Map([
  [LinkKind.LINK_INTERFACE, kind("links", ConfigFlags.CONFIG_INTERFACES, LinkKey.size, "link")],
  [LinkKind.LINK_VLAN, kind("links", ConfigFlags.CONFIG_VLANS, LinkKey.size, "link")],
  [LinkKind.LINK_PPPOE, kind("links", ConfigFlags.CONFIG_PPPOE, LinkKey.size, "link")],
]);

/**
 * A key of one of the match maps, as text: a character that is its kind, then the key's bytes, each a character. It names
 * the key among all maps', and takes a fraction of what an object with a Buffer would.
 */
export type MatchKey = string;

/** What is known of the node when a match is made into a key. */
export interface MatchContext {
  /** 0: the default zone. */
  readonly zone: number;
  /** Undefined where there is no such interface now. */
  ifindexOf(name: string): number | undefined;
}

const ZONE_BITS = 32;
const LONGEST_KEY = Math.max(...kinds.map(({ keyBytes }) => keyBytes));
/** Where keys are made: the kind, then the key. */
const draft = Buffer.alloc(1 + LONGEST_KEY);

/** The key whose bytes stand in the draft. */
function made(code: number): MatchKey {
  draft[0] = code;
  return draft.toString("latin1", 0, 1 + (kinds[code] as MatchKind).keyBytes);
}

export function kindOf(key: MatchKey): MatchKind {
  return kinds[key.charCodeAt(0)] as MatchKind;
}

/** Writes the key's bytes, as the kernel has them, at the beginning of `out`. */
export function writeKey(key: MatchKey, out: Buffer): void {
  for (let at = 1; at < key.length; at++) out[at - 1] = key.charCodeAt(at);
}

export function keyBytes(key: MatchKey): Buffer {
  return Buffer.from(key.slice(1), "latin1");
}

/** Of the key of a prefix: its length in bits as the kernel has it, zone included. */
export function prefixBits(key: MatchKey): number {
  return key.charCodeAt(1);
}

/** What a key that is in a kernel map stands for. */
export function matchKeyFromBytes(map: MatchMap, bytes: Buffer): MatchKey {
  bytes.copy(draft, 1);
  switch (map) {
    case "hosts4":
      return made(HOST4);
    case "hosts6":
      return made(HOST6.get(Host6Key.decode(bytes).prefix_length) ?? OTHER_HOST6);
    case "prefixes4":
      return made(PREFIX4);
    case "prefixes6":
      return made(PREFIX6);
    case "links":
      return made(LINKS.get(LinkKey.decode(bytes).kind) ?? OTHER_LINK);
  }
}

function ipv4Key({ bytes, length }: IpPrefix, zone: number): MatchKey {
  const address = bytes.readUInt32BE();
  if (length === 32) {
    Host4Key.encode({ zone, address }, draft, 1);
    return made(HOST4);
  }
  Prefix4Key.encode({ prefix_length: ZONE_BITS + length, zone, address }, draft, 1);
  return made(PREFIX4);
}

function ipv6Key({ bytes, length }: IpPrefix, zone: number): MatchKey {
  const code = HOST6.get(length);
  if (code !== undefined) {
    Host6Key.encode({ zone, prefix_length: length, address: bytes }, draft, 1);
    return made(code);
  }
  Prefix6Key.encode({ prefix_length: ZONE_BITS + length, zone, address: bytes }, draft, 1);
  return made(PREFIX6);
}

const NO_LINK: LinkKey = {
  kind: 0,
  ifindex_or_zone: 0,
  svlan: 0,
  cvlan: 0,
  pppoe_session: 0,
  mac: Buffer.alloc(6),
};

function linkKey(parts: Partial<LinkKey> & Pick<LinkKey, "kind">): MatchKey {
  LinkKey.encode({ ...NO_LINK, ...parts }, draft, 1);
  return made(LINKS.get(parts.kind) ?? OTHER_LINK);
}

export function interfaceKey(ifindex: number): MatchKey {
  return linkKey({ kind: LinkKind.LINK_INTERFACE, ifindex_or_zone: ifindex });
}

/** `field` names the match in an error. Throws InterceptError. */
export function matchKey(match: SubscriberMatch, context: MatchContext, field: string): MatchKey {
  const checked = checkMatch(match, field);
  const { zone } = context;
  switch (checked.kind) {
    case "prefix":
      return checked.prefix.family === 4 ? ipv4Key(checked.prefix, zone) : ipv6Key(checked.prefix, zone);
    case "interface": {
      const ifindex = context.ifindexOf(checked.name);
      if (ifindex === undefined)
        throw new InterceptError(`${field}.name`, `${field}.name must be an interface of this node`);
      return interfaceKey(ifindex);
    }
    case "vlan":
      return linkKey({
        kind: LinkKind.LINK_VLAN,
        ifindex_or_zone: zone,
        svlan: checked.svlan,
        cvlan: checked.cvlan,
      });
    case "pppoe":
      return linkKey({
        kind: LinkKind.LINK_PPPOE,
        ifindex_or_zone: zone,
        pppoe_session: checked.sessionId,
        mac: checked.mac,
      });
  }
}
