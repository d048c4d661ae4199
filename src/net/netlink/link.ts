/** Link messages (rtnetlink(7), RTM_NEWLINK and RTM_DELLINK). Pure. */
import {
  attribute,
  fixedPart,
  type NetlinkMessage,
  nested,
  parseAttributes,
  text,
  textAttribute,
  u16Attribute,
  u32,
  u32Attribute,
} from "./message.js";
import {
  ADDR_GEN_NONE,
  ETHERNET_TYPES,
  EXT_FILTER_SKIP_STATS,
  FAMILY,
  IFF_UP,
  INET_CONF,
  INET_SETTING,
  INET6_ADDR_GEN_MODE,
  LINK,
  LINKINFO,
  MESSAGE,
  VETH_PEER,
  VLAN,
  VLAN_REORDER_HEADER,
  XDP,
} from "./uapi.js";

/** `struct ifinfomsg`: family, padding, type, index, flags, change mask. */
const IFINFO_BYTES = 16;
const MAC_BYTES = 6;
const ETHERTYPE_8021Q = Buffer.from([0x81, 0x00]);
const NO_ATTRIBUTES = Buffer.alloc(0);

export interface NetworkLink {
  readonly ifindex: number;
  readonly name: string;
  /** False for ppp, tun and other interfaces whose packets begin with the IP header. */
  readonly hasLinkLayer: boolean;
  /** MAC address in the form 02:00:00:00:00:01; absent without a link layer. */
  readonly mac?: string;
  /** Bytes from the IP header on. */
  readonly mtu: number;
  /** Administratively. */
  readonly up: boolean;
  /** E.g. `veth`, `vlan`; absent for most hardware. */
  readonly kind?: string;
  /** The root queueing discipline, e.g. `fq_codel`. */
  readonly qdisc?: string;
  /** ifindex of the bridge, bond or VRF that it is part of. */
  readonly master?: number;
  /** What that is, such as `bridge`; absent where the kernel does not say. */
  readonly masterKind?: string;
  /** ifindex of the interface below a VLAN, or of a veth's peer in the same namespace. */
  readonly lower?: number;
  /** Id of the XDP program on it. */
  readonly xdpProgram?: number;
  /** The tag of a VLAN interface that is an 802.1Q one; absent for 802.1ad. */
  readonly vlanId?: number;
  /** The VLAN interface's packets keep their tag (reorder_hdr off). */
  readonly vlanKeepsTag?: boolean;
  /** The VLAN interface's tags may have a priority (egress-qos-map). */
  readonly vlanMapsPriority?: boolean;
}

export interface LinkChange {
  readonly change: "new" | "gone";
  readonly link: NetworkLink;
}

function macText(bytes: Buffer | undefined): string | undefined {
  if (bytes?.length !== MAC_BYTES) return undefined;
  return bytes.toString("hex").replaceAll(/(..)(?!$)/g, "$1:");
}

/** Of the attribute IFLA_INFO_DATA. */
function parseVlan(data: Buffer): Pick<NetworkLink, "vlanId" | "vlanKeepsTag" | "vlanMapsPriority"> {
  const attributes = parseAttributes(data);
  const id = u16Attribute(attributes, VLAN.ID);
  // In network byte order, as the only one.
  const isTagged = attributes.get(VLAN.PROTOCOL)?.equals(ETHERTYPE_8021Q) ?? false;
  const flags = u32Attribute(attributes, VLAN.FLAGS) ?? VLAN_REORDER_HEADER;
  return {
    ...(isTagged && id !== undefined && { vlanId: id }),
    ...((flags & VLAN_REORDER_HEADER) === 0 && { vlanKeepsTag: true }),
    ...(attributes.has(VLAN.EGRESS_QOS) && { vlanMapsPriority: true }),
  };
}

/** Undefined for messages that tell of something else: of a bridge's port, of a radio. Throws NetlinkFormatError. */
export function parseLink({ type, payload }: NetlinkMessage): LinkChange | undefined {
  if (type !== MESSAGE.NEWLINK && type !== MESSAGE.DELLINK) return undefined;
  const info = fixedPart(payload, IFINFO_BYTES, "link");
  if (info.readUInt8(0) !== FAMILY.UNSPEC) return undefined;
  const attributes = parseAttributes(payload, IFINFO_BYTES);
  const name = textAttribute(attributes, LINK.IFNAME);
  if (name === undefined || name === "") return undefined;
  const hasLinkLayer = ETHERNET_TYPES.has(info.readUInt16LE(2));
  const mac = hasLinkLayer ? macText(attributes.get(LINK.ADDRESS)) : undefined;
  const linkInfo = parseAttributes(attributes.get(LINK.LINKINFO) ?? NO_ATTRIBUTES);
  const kind = textAttribute(linkInfo, LINKINFO.KIND);
  const masterKind = textAttribute(linkInfo, LINKINFO.SLAVE_KIND);
  const data = linkInfo.get(LINKINFO.DATA);
  const qdisc = textAttribute(attributes, LINK.QDISC);
  const master = u32Attribute(attributes, LINK.MASTER);
  // The index of an interface in another namespace says nothing here.
  const lower = attributes.has(LINK.LINK_NETNSID) ? undefined : u32Attribute(attributes, LINK.LINK);
  const xdp = attributes.get(LINK.XDP);
  const xdpProgram = xdp && u32Attribute(parseAttributes(xdp), XDP.PROG_ID);
  const link: NetworkLink = {
    ifindex: info.readInt32LE(4),
    name,
    hasLinkLayer,
    mtu: u32Attribute(attributes, LINK.MTU) ?? 0,
    up: (info.readUInt32LE(8) & IFF_UP) !== 0,
    ...(mac !== undefined && { mac }),
    ...(kind !== undefined && { kind }),
    ...(qdisc !== undefined && { qdisc }),
    ...(master !== undefined && { master }),
    ...(masterKind !== undefined && { masterKind }),
    ...(lower && { lower }),
    ...(xdpProgram && { xdpProgram }),
    ...(kind === "vlan" && data && parseVlan(data)),
  };
  return { change: type === MESSAGE.NEWLINK ? "new" : "gone", link };
}

function ifinfo(ifindex = 0, up = false): Buffer {
  const bytes = Buffer.alloc(IFINFO_BYTES);
  bytes.writeInt32LE(ifindex, 4);
  bytes.writeUInt32LE(up ? IFF_UP : 0, 8);
  bytes.writeUInt32LE(up ? IFF_UP : 0, 12);
  return bytes;
}

/** Asks for all links in a dump, or for the one of that name or index. */
export function encodeLinkQuery(which?: string | number): Buffer {
  const filter = attribute(LINK.EXT_MASK, u32(EXT_FILTER_SKIP_STATS));
  if (typeof which === "number") return Buffer.concat([ifinfo(which), filter]);
  return Buffer.concat([ifinfo(), filter, ...(which === undefined ? [] : [attribute(LINK.IFNAME, text(which))])]);
}

export interface LinkSettings {
  readonly mtu?: number;
  readonly up?: boolean;
  /** By their names under /proc/sys/net/ipv4/conf, which may be mounted read-only. */
  readonly ipv4?: Readonly<Partial<Record<keyof typeof INET_SETTING, number>>>;
  /** The interface makes itself no IPv6 address. */
  readonly noIpv6Address?: boolean;
}

export function encodeLinkSettings(ifindex: number, settings: LinkSettings): Buffer {
  const { mtu, up = false } = settings;
  return Buffer.concat([
    ifinfo(ifindex, up),
    ...(mtu === undefined ? [] : [attribute(LINK.MTU, u32(mtu))]),
    ...familySettings(settings),
  ]);
}

function familySettings({ ipv4, noIpv6Address = false }: LinkSettings): Buffer[] {
  const families: Buffer[] = [];
  if (ipv4 !== undefined) {
    const names = Object.keys(ipv4) as (keyof typeof INET_SETTING)[];
    const values = names.map((name) => attribute(INET_SETTING[name], u32(ipv4[name] ?? 0)));
    families.push(nested(FAMILY.INET, nested(INET_CONF, ...values)));
  }
  if (noIpv6Address) families.push(nested(FAMILY.INET6, attribute(INET6_ADDR_GEN_MODE, Buffer.from([ADDR_GEN_NONE]))));
  return families.length === 0 ? [] : [nested(LINK.AF_SPEC, ...families)];
}

export function encodeLinkRemoval(ifindex: number): Buffer {
  return ifinfo(ifindex);
}

export interface VethEnd {
  readonly name: string;
  /** 6 bytes. */
  readonly mac: Buffer;
  readonly mtu: number;
  /** Segments of the largest super-packet that it takes whole; 1: none. */
  readonly gsoMaxSegments?: number;
}

function vethEnd({ name, mac, mtu, gsoMaxSegments }: VethEnd): Buffer {
  return Buffer.concat([
    ifinfo(),
    attribute(LINK.IFNAME, text(name)),
    attribute(LINK.ADDRESS, mac),
    attribute(LINK.MTU, u32(mtu)),
    ...(gsoMaxSegments === undefined ? [] : [attribute(LINK.GSO_MAX_SEGS, u32(gsoMaxSegments))]),
  ]);
}

export function encodeVethPair(end: VethEnd, peer: VethEnd): Buffer {
  const data = nested(LINKINFO.DATA, nested(VETH_PEER, vethEnd(peer)));
  return Buffer.concat([vethEnd(end), nested(LINK.LINKINFO, attribute(LINKINFO.KIND, text("veth")), data)]);
}
