/** Numbers of the kernel's netlink interface (linux/netlink.h, rtnetlink.h, if_link.h, neighbour.h, xfrm.h). */

export const PROTOCOL = { ROUTE: 0, XFRM: 6 } as const;

export const FAMILY = { UNSPEC: 0, INET: 2, INET6: 10 } as const;

/** Message types below 16 are netlink's own. */
export const CONTROL = { ERROR: 2, DONE: 3 } as const;

export const FLAG = {
  REQUEST: 0x1,
  ACK: 0x4,
  DUMP_INTR: 0x10,
  DUMP: 0x300,
  /** In an error or acknowledgement: the request is not repeated in it; attributes follow. */
  CAPPED: 0x100,
  ACK_TLVS: 0x200,
  /** Of requests that make something. */
  REPLACE: 0x100,
  EXCL: 0x200,
  CREATE: 0x400,
} as const;

export const MESSAGE = {
  NEWLINK: 16,
  DELLINK: 17,
  GETLINK: 18,
  NEWADDR: 20,
  GETADDR: 22,
  NEWROUTE: 24,
  GETROUTE: 26,
  NEWNEIGH: 28,
  GETNEIGH: 30,
  NEWTFILTER: 44,
  GETTFILTER: 46,
} as const;

/** Multicast groups of NETLINK_ROUTE and NETLINK_XFRM. */
export const GROUP = { LINK: 1, XFRM_POLICY: 4 } as const;

export const LINK = {
  ADDRESS: 1,
  IFNAME: 3,
  MTU: 4,
  LINK: 5,
  QDISC: 6,
  MASTER: 10,
  LINKINFO: 18,
  AF_SPEC: 26,
  EXT_MASK: 29,
  LINK_NETNSID: 37,
  GSO_MAX_SEGS: 40,
  XDP: 43,
} as const;

/** Within LINK.AF_SPEC, by family. */
export const INET_CONF = 1;
export const INET6_ADDR_GEN_MODE = 8;
export const ADDR_GEN_NONE = 1;
/** Of INET_CONF: settings of an interface, as under /proc/sys/net/ipv4/conf (linux/ip.h). */
export const INET_SETTING = { FORWARDING: 1, RP_FILTER: 8, ACCEPT_LOCAL: 23 } as const;

/** Of LINK.XDP. */
export const XDP = { PROG_ID: 4 } as const;

export const LINKINFO = { KIND: 1, DATA: 2, SLAVE_KIND: 4 } as const;
/** Of LINKINFO.DATA of a VLAN interface. */
export const VLAN = { ID: 1, FLAGS: 2, EGRESS_QOS: 3, PROTOCOL: 5 } as const;
/** Of VLAN.FLAGS: the interface's own packets are without the tag. */
export const VLAN_REORDER_HEADER = 1;
export const VETH_PEER = 1;
/** Of LINK.EXT_MASK: no interface counters in the answer. */
export const EXT_FILTER_SKIP_STATS = 8;
/** Of `ifi_flags`. */
export const IFF_UP = 1;

/** Hardware types (linux/if_arp.h) whose packets begin with a 14-byte Ethernet header. */
export const ETHERNET_TYPES: ReadonlySet<number> = new Set([1, 772]);

/** Where filters of a clsact qdisc belong: TC_H_CLSACT with the direction. */
export const CLSACT_PARENT = { ingress: 0xffff_fff2, egress: 0xffff_fff3 } as const;
export const FILTER = { KIND: 1, OPTIONS: 2 } as const;
/** Of the options of a filter of kind bpf. */
export const BPF_FILTER = { NAME: 7 } as const;

export const ADDR = { ADDRESS: 1, LOCAL: 2 } as const;

export const ROUTE = { DST: 1, SRC: 2, IIF: 3, OIF: 4, GATEWAY: 5, METRICS: 8, CACHEINFO: 12, VIA: 18 } as const;
/** Of ROUTE.METRICS; LOCK has one bit for each of the others. */
export const METRIC = { LOCK: 1, MTU: 2 } as const;

export const NEIGHBOUR = { DST: 1, LLADDR: 2 } as const;
/** Of `ndm_flags`: use it, as a packet that is sent there would. */
export const NTF_USE = 1;

/** `ndm_state`, one bit each. */
export const NUD = {
  INCOMPLETE: 0x01,
  REACHABLE: 0x02,
  STALE: 0x04,
  DELAY: 0x08,
  PROBE: 0x10,
  FAILED: 0x20,
  NOARP: 0x40,
  PERMANENT: 0x80,
} as const;

export const XFRM = { GETPOLICY: 0x15, NEWPOLICY: 0x13, GETDEFAULT: 0x28 } as const;
/** Policies for packets that leave, forwarded ones included. */
export const XFRM_POLICY_OUT = 1;
export const XFRM_ACTION = { ALLOW: 0, BLOCK: 1 } as const;
/** Attributes of a policy. */
export const XFRM_TEMPLATES = 5;
export const XFRM_IF_ID = 31;
/** `struct xfrm_userpolicy_default`: BLOCK is 1, ACCEPT is 2. */
export const XFRM_DEFAULT_BLOCK = 1;
