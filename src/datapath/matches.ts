/** From a subscriber match to the key of the kernel map that finds it. Pure. */
import { InterceptError } from "../intercepts/errors.js";
import { checkMatch } from "../intercepts/match.js";
import type { SubscriberMatch } from "../intercepts/types.js";
import type { IpPrefix } from "../net/addresses.js";
import { ConfigFlags, Host4Key, Host6Key, LinkKey, LinkKind, Prefix4Key, Prefix6Key } from "./layout.gen.js";

export type MatchMap = "hosts4" | "hosts6" | "prefixes4" | "prefixes6" | "links";

export interface MatchKey {
  readonly map: MatchMap;
  readonly key: Buffer;
  /** The `config_flags` bit that has the kernel look there. */
  readonly flag: number;
  /** Names the key among all maps'. */
  readonly id: string;
  /** For the maps that find the longest prefix: length in bits as the key has it, zone included. */
  readonly prefixBits?: number;
}

/** What is known of the node when a match is made into a key. */
export interface MatchContext {
  /** 0: the default zone. */
  readonly zone: number;
  /** Undefined where there is no such interface now. */
  ifindexOf(name: string): number | undefined;
}

const ZONE_BITS = 32;
/** The lengths that have a hash lookup of their own. */
const HOST6_FLAGS: ReadonlyMap<number, number> = new Map([
  [128, ConfigFlags.CONFIG_HOSTS6_128],
  [64, ConfigFlags.CONFIG_HOSTS6_64],
  [56, ConfigFlags.CONFIG_HOSTS6_56],
]);

function made(map: MatchMap, flag: number, key: Buffer, prefixBits?: number): MatchKey {
  const base = { map, flag, key, id: `${map}:${key.toString("latin1")}` };
  return prefixBits === undefined ? base : { ...base, prefixBits };
}

function ipv4Key({ bytes, length }: IpPrefix, zone: number): MatchKey {
  const address = bytes.readUInt32BE();
  if (length === 32) return made("hosts4", ConfigFlags.CONFIG_HOSTS4, Host4Key.encode({ zone, address }));
  const key = Prefix4Key.encode({ prefix_length: ZONE_BITS + length, zone, address });
  return made("prefixes4", ConfigFlags.CONFIG_PREFIXES4, key, ZONE_BITS + length);
}

function ipv6Key({ bytes, length }: IpPrefix, zone: number): MatchKey {
  const flag = HOST6_FLAGS.get(length);
  if (flag !== undefined) return made("hosts6", flag, Host6Key.encode({ zone, prefix_length: length, address: bytes }));
  const key = Prefix6Key.encode({ prefix_length: ZONE_BITS + length, zone, address: bytes });
  return made("prefixes6", ConfigFlags.CONFIG_PREFIXES6, key, ZONE_BITS + length);
}

const NO_LINK: LinkKey = {
  kind: 0,
  ifindex_or_zone: 0,
  svlan: 0,
  cvlan: 0,
  pppoe_session: 0,
  mac: Buffer.alloc(6),
};

function linkKey(flag: number, parts: Partial<LinkKey>): MatchKey {
  return made("links", flag, LinkKey.encode({ ...NO_LINK, ...parts }));
}

export function interfaceKey(ifindex: number): MatchKey {
  return linkKey(ConfigFlags.CONFIG_INTERFACES, { kind: LinkKind.LINK_INTERFACE, ifindex_or_zone: ifindex });
}

const LINK_FLAGS: ReadonlyMap<number, number> = new Map([
  [LinkKind.LINK_INTERFACE, ConfigFlags.CONFIG_INTERFACES],
  [LinkKind.LINK_VLAN, ConfigFlags.CONFIG_VLANS],
  [LinkKind.LINK_PPPOE, ConfigFlags.CONFIG_PPPOE],
]);

/** What a key that is in a kernel map stands for. `key` is kept. */
export function matchKeyFromBytes(map: MatchMap, key: Buffer): MatchKey {
  switch (map) {
    case "hosts4":
      return made(map, ConfigFlags.CONFIG_HOSTS4, key);
    case "hosts6":
      return made(map, HOST6_FLAGS.get(Host6Key.decode(key).prefix_length) ?? 0, key);
    case "prefixes4":
      return made(map, ConfigFlags.CONFIG_PREFIXES4, key, Prefix4Key.decode(key).prefix_length);
    case "prefixes6":
      return made(map, ConfigFlags.CONFIG_PREFIXES6, key, Prefix6Key.decode(key).prefix_length);
    case "links":
      return made(map, LINK_FLAGS.get(LinkKey.decode(key).kind) ?? 0, key);
  }
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
      return linkKey(ConfigFlags.CONFIG_VLANS, {
        kind: LinkKind.LINK_VLAN,
        ifindex_or_zone: zone,
        svlan: checked.svlan,
        cvlan: checked.cvlan,
      });
    case "pppoe":
      return linkKey(ConfigFlags.CONFIG_PPPOE, {
        kind: LinkKind.LINK_PPPOE,
        ifindex_or_zone: zone,
        pppoe_session: checked.sessionId,
        mac: checked.mac,
      });
  }
}
