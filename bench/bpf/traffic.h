/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What the generator sends and the sinks expect. Addresses are those of the documentation and of RFC 6598. */
#ifndef BENCH_TRAFFIC_H
#define BENCH_TRAFFIC_H

enum traffic_limits {
	/* Frame sizes of one round; IMIX 7:4:1 fills all twelve. */
	SIZES = 12,
	/* Subscribers under intercept: 100.64.0.0/12; all others: 100.80.0.0/12. */
	INTERCEPTED_BASE = 0x64400000,
	OTHERS_BASE = 0x64500000,
	SUBSCRIBERS_MASK = 0xfff00000,
	/* Where they send to, a port that no encapsulation has: 198.51.100.0/24. */
	DESTINATION_BASE = 0xc6336400,
	DESTINATION_PORT = 443,
	SHIM_PORT = 30030,
	VXLAN_PORT = 4789,
	/* Outer IPv4, UDP and the 8 bytes of either the shim or VXLAN. */
	OUTER_BYTES = 36,
	/* The whole share: every packet is of a subscriber under intercept. */
	WHOLE_SHARE = 65536,
};

struct traffic {
	__u32 flows;          /* 5-tuples, each of one subscriber */
	__u32 subscribers;    /* of each kind, at most */
	__u32 stride;         /* between the subscribers of neighbouring flows */
	__u32 intercepted;    /* share of packets of subscribers under intercept, of WHOLE_SHARE */
	__u32 random;         /* state of the generator, not 0 */
	__u32 sequence;
	__u32 turn;           /* among the sizes */
	__u16 sizes[SIZES];   /* bytes of the frames from the Ethernet header on, without check sequence */
	__u8 source_mac[6];
	__u8 destination_mac[6];
};

/* What came in at a sink. */
struct arrivals {
	__u64 packets; /* that are what this sink expects */
	__u64 bytes;   /* of those, from the Ethernet header on */
	__u64 intercepted; /* of those, packets of subscribers under intercept */
	__u64 others;
};

enum copy_kind {
	COPY_BARE = 0,  /* the packet alone, behind whichever MAC addresses */
	COPY_SHIM,      /* outer IP, UDP, 8-byte shim, the packet from its IP header on */
	COPY_VXLAN,     /* outer IP, UDP, VXLAN header, the frame */
};

struct sink_settings {
	__u32 copy_kind; /* of the mediation sink */
};

#endif
