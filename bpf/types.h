/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What user space and the programs tell each other. The control plane's codecs are generated from these
 * definitions' BTF, so a change here is a change there; nothing is written down twice.
 */
#ifndef SUBMIRROR_TYPES_H
#define SUBMIRROR_TYPES_H

/* Seen from the subscriber. Also the index of every per-direction array. */
enum direction {
	DIRECTION_FROM = 0,
	DIRECTION_TO = 1,
	DIRECTIONS = 2,
};

enum limits {
	/* Intercepts on one subscriber. */
	MAX_COPIES = 8,
	/* Tags in the packet in front of the IP header; one more may be in the skb's metadata. */
	MAX_VLAN_TAGS = 2,
	/* Terms of one drop policy. */
	MAX_TERMS = 16,
	/* Fragments that one copy may become: 64 KiB over the smallest IPv6 MTU. */
	MAX_FRAGMENTS = 56,
	/* 64-bit words that hold the Ethernet, IPv4, UDP headers and the shim. */
	OUTER4_ROOM_WORDS = 7,
};

/* Why a copy that was due did not leave. The metric's label is the name in lower case without the prefix. */
enum drop_reason {
	DROP_NO_ROUTE = 0,     /* no entry for the mediation device in this CPU's route table */
	DROP_OVERSIZE,         /* larger than the mediation path's MTU, and fragments are not wanted */
	DROP_RATE,             /* the intercept's byte rate was used up */
	DROP_CLONE,            /* bpf_clone_redirect failed: memory, or the egress queue was full */
	DROP_NOT_TAKEN,        /* the clone did not pass our egress program; another program took it */
	DROP_LINK_LAYER,       /* bpf_skb_vlan_pop failed, or a link layer that cannot be taken off */
	DROP_TRIM,             /* bpf_skb_change_tail failed */
	DROP_GROW,             /* bpf_skb_adjust_room or bpf_skb_change_head failed */
	DROP_LOAD,             /* bpf_skb_load_bytes failed on a copy */
	DROP_STORE,            /* bpf_skb_store_bytes failed */
	DROP_CHECKSUM,         /* the outer UDP checksum could not be computed */
	DROP_FRAGMENT,         /* a copy could not be cut into fragments */
	DROP_STALE_INTERCEPT,  /* a match led to an intercept that is no longer there */
	DROP_TOO_MANY_COPIES,  /* more than MAX_COPIES intercepts took one packet */
	DROP_TTL_RESTORE,      /* the outer TTL of a copy that came through the stack could not be set back */
	DROP_NO_NEIGHBOUR,     /* the next hop towards the mediation device has not answered for NEIGHBOUR_PATIENCE_NS */
	DROP_STACK,            /* the IP stack took the copy, which is counted as mirrored, and dropped it */
	DROP_REASONS,
};

/* IPv4 host, the most frequent match. Addresses are in network byte order everywhere. */
struct host4_key {
	__u32 zone;
	__be32 address;
};

/* IPv6 /128, /64 or /56: the lengths that subscribers are given. Bits behind the length are zero. */
struct host6_key {
	__u32 zone;
	__u32 prefix_length;
	__u8 address[16];
};

/* Any other prefix; the zone stands in front of the address so that it takes part in the longest match. */
struct prefix4_key {
	__u32 prefix_length; /* 32 bits of zone included */
	__be32 zone;
	__be32 address;
};

struct prefix6_key {
	__u32 prefix_length; /* 32 bits of zone included */
	__be32 zone;
	__u8 address[16];
};

enum link_kind {
	LINK_INTERFACE = 1, /* ifindex */
	LINK_VLAN = 2,      /* zone, svlan, cvlan (0: any) */
	LINK_PPPOE = 3,     /* zone, session, mac */
};

/* A subscriber who is told by the link and not by the address. What a kind does not use is 0. */
struct link_key {
	__u32 kind;
	__u32 ifindex_or_zone;
	__u16 svlan;
	__u16 cvlan;
	__u16 pppoe_session;
	__u8 mac[6];
};

/* The intercepts that a match leads to: indices into `intercepts`, the first `count` are valid. */
struct targets {
	__u32 count;
	__u32 intercept[MAX_COPIES];
};

enum intercept_flags {
	INTERCEPT_ACTIVE = 1,
	INTERCEPT_FROM = 2,
	INTERCEPT_TO = 4,
	INTERCEPT_MULTICAST = 8, /* also what a link match finds addressed to a group */
};

/*
 * One intercept; what every copy reads of it is in the first 64 bytes, a line of the cache. A slot is written while nothing refers to it and is not changed while something does: a changed
 * intercept takes a new slot, so that no packet ever meets half of each.
 */
struct intercept {
	__u64 not_before_ns; /* boot clock */
	__u64 not_after_ns;  /* boot clock; all ones: open */
	__u32 flags;
	__u32 device;                   /* index into `mediation_devices` */
	__be32 shim[DIRECTIONS][2];     /* the 8 bytes behind the UDP header */
	__be16 port[DIRECTIONS];        /* UDP destination */
	__u8 tos;                       /* outer DSCP, shifted to its place */
	__u16 snap_length;              /* bytes kept of the mirrored packet; 0: all */
	__u32 drop_policy;              /* index into `drop_policies`; 0: none */
	__u32 reserved;
	__u64 bytes_per_second;         /* 0: no limit */
	__u64 bucket_byte_ns;           /* burst in bytes times 10^9: the bucket is kept in byte-nanoseconds */
	__u64 bucket_fill_ns;           /* time in which an empty bucket is full */
	__u8 key[32];                   /* the control plane's name for it, zero padded */
	__u64 padding[2];
};

/* Token bucket of the intercept in the same slot. */
struct bucket {
	struct bpf_spin_lock lock;
	__u64 tokens_byte_ns;
	__u64 filled_ns;
};

enum term_flags {
	TERM_SOURCE = 1,
	TERM_DESTINATION = 2,
	TERM_PROTOCOL = 4,
	TERM_DSCP = 8,
	TERM_SOURCE_PORT = 16,
	TERM_DESTINATION_PORT = 32,
	TERM_IPV4 = 64, /* the term's addresses are IPv4: it fits no IPv6 packet */
	TERM_IPV6 = 128,
};

/* Fits a packet where every part that is flagged fits. Ports are in host byte order, both ends included. */
struct term {
	__u32 flags;
	__u16 source_port_low;
	__u16 source_port_high;
	__u16 destination_port_low;
	__u16 destination_port_high;
	__u8 protocol;
	__u8 dscp;
	__be32 source[4];
	__be32 source_mask[4];
	__be32 destination[4];
	__be32 destination_mask[4];
};

struct drop_policy {
	__u32 count;
	struct term terms[MAX_TERMS];
};

enum device_flags {
	DEVICE_IPV6 = 1,
	DEVICE_NO_FRAGMENTS = 2,
	DEVICE_STACK_ONLY = 4,   /* a policy that only the stack knows: IPsec, routing by mark */
	DEVICE_UDP_CHECKSUM = 8, /* computed; else 0, which means none */
	DEVICE_IPSEC = 16,       /* an IPsec policy covers it: like DEVICE_STACK_ONLY, and set while the policy is there */
};

/* Where copies go: a mediation device as it is reached from one source address. IPv4 in the first 4 bytes. */
struct mediation_device {
	__u8 source[16];
	__u8 destination[16];
	__be16 source_port;
	__u8 ttl;
	__u32 flags;
};

/* A CPU's own memory of how a mediation device is reached, asked again when it is older than ROUTE_LIFETIME_NS. */
struct route {
	__u64 asked_ns;
	__u64 unresolved_ns; /* since when the neighbour is not known; 0: it is, or no copy goes straight to it */
	__u64 tried_ns;      /* when a copy last went to a neighbour that is not there */
	__u32 ifindex;       /* 0: through the stack */
	__u32 mtu;
	__u32 usual_bytes;   /* of a packet whose copy goes by the usual way (send.h), at most; 0: none does */
	__u32 padding;
	__u8 source_mac[6];
	__u8 destination_mac[6];
	__u32 next_id; /* outer IPv4 identification: ids that this CPU has reserved */
	__u32 ids_left;
	__u32 outer4_sum;                /* of the 16-bit words of the IPv4 header in `outer4` */
	__u64 outer4[OUTER4_ROOM_WORDS]; /* what stands in front of every copy to an IPv4 device; see outer.h */
};

/* A CPU's own memory of the time; see clock.h. */
struct cpu_clock {
	__u64 jiffies;
	__u64 boot_ns;
};

struct direction_counters {
	__u64 packets;
	__u64 bytes; /* of the mirrored packets, from their IP header on */
};

struct intercept_counters {
	struct direction_counters mirrored[DIRECTIONS];
	__u64 dropped;
	__u64 policy_excluded;
};

struct totals {
	struct direction_counters mirrored[DIRECTIONS];
	__u64 dropped[DROP_REASONS];
	__u64 fragmented;      /* copies that left as IP fragments */
	__u64 through_stack;   /* copies that went through the IP stack, the fragmented ones included */
	__u64 policy_excluded; /* packets that a drop policy left out */
	__u64 by_xdp;          /* copies that an XDP program made */
};

/* What the program that meets a copy is to do. */
enum order {
	ORDER_NONE = 0,
	ORDER_ENCAPSULATE = 1, /* all that is in the hand-over */
	ORDER_PREPARED = 2,    /* put `outer4` in front: nothing else is needed */
};

/*
 * From the program that matched to the program that encapsulates, on the same CPU: bpf_clone_redirect transmits
 * before it returns, with bottom halves off, so what is written just before it is read by that very copy.
 * No mark on the skb is needed, none of another program's is touched.
 */
struct handover {
	__u32 busy;  /* bpf_clone_redirect is running on this CPU: what leaves now is a copy */
	__u32 armed; /* not 0: the copy has not been met yet; see enum order */
	__u32 intercept;
	__u32 direction;
	__u32 ip_offset;
	__u32 ip_length; /* bytes from the IP header on; of a super-packet, all of them */
	__u32 packets;   /* that it stands for */
	__u32 through_stack;
	__u32 protocol;  /* ethertype of the IP version, network byte order */
	__u32 outcome; /* 0: left; else drop_reason + 1 */
	__u64 outer4[OUTER4_ROOM_WORDS]; /* ORDER_PREPARED: what is put in front of the copy's IP header */
};

/* What a CPU has to itself, in one place: one look-up finds all of it. */
struct cpu {
	struct cpu_clock clock;
	struct handover handover;
	struct totals totals;
};

/* Whose frames a fan-out is for: untagged ones in a direction that the device serves, or those of the VLANs on it. */
enum fan_out_way {
	FAN_OUT_FROM = DIRECTION_FROM,
	FAN_OUT_TO = DIRECTION_TO,
	FAN_OUT_TAGGED = 2,
} __attribute__((packed));

/* Where XDP sends an original and its copies at once: one map for each pair of devices and number of copies. */
struct fan_out_key {
	__u32 next_hop_ifindex;
	__u32 mediation_ifindex;
	enum fan_out_way way;
	__u8 copies;
	__u16 reserved;
};

/* What a frame shows of the interface that it came in by; id 0: no tag. */
struct vlan_place {
	__u32 device_ifindex;
	__u32 vlan_id;
};

/* The interface that such frames come in by as routing sees it. Frames to another MAC address are not for routing. */
struct way_in {
	__u32 ifindex;
	__u32 zone;
	__u32 direction;
	__be16 mac[3]; /* in whole words: the programs compare it with each frame's */
	__u16 reserved;
};

/* A VLAN interface as a way out: this tag on that device. */
struct vlan_way_out {
	__u32 device_ifindex;
	__u32 vlan_id;
	__u32 directions; /* bits 1 << enum direction, as the interface's roles have them */
	__u32 zone;
};

/* Egress interfaces that run mediation_egress: a copy may be handed to no other. */
struct mediation_interface {
	__u32 flags;
};

enum config_flags {
	CONFIG_HOSTS4 = 1,
	CONFIG_HOSTS6_128 = 2,
	CONFIG_HOSTS6_64 = 4,
	CONFIG_HOSTS6_56 = 8,
	CONFIG_ZONES = 16,
	CONFIG_PREFIXES4 = 32,
	CONFIG_PREFIXES6 = 64,
	CONFIG_INTERFACES = 128,
	CONFIG_VLANS = 256,
	CONFIG_PPPOE = 512,
};

struct config {
	__u32 flags;
	/* The helper pair through which copies enter the IP stack: they go out at one end and come in at the other. */
	__u32 stack_out_ifindex;
	__u32 stack_in_ifindex;
	/* A device without a link layer, where copies from such devices get one. */
	__u32 springboard_ifindex;
	__u8 stack_in_mac[6];
	__u8 ttl; /* outer TTL or hop limit that copies leave with */
	__u32 sieve_mask; /* words of the sieve, a power of two, less one */
	__u32 network_namespace; /* inode number: interface numbers are the namespace's own */
};

#endif
