/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A packet as the programs know it, whether it came as an skb or as an XDP frame. */
#ifndef SUBMIRROR_PACKET_H
#define SUBMIRROR_PACKET_H

/* Two tags and PPPoE behind an Ethernet header end well before; a bound that the verifier sees. */
#define MAX_IP_OFFSET 64

struct packet {
	__u32 direction;
	__u32 zone;
	__u32 link_bytes; /* where the ethertype's payload begins: ETH_HLEN, or 0 without a link layer */
	__u32 ip_offset;
	__u32 ip_version; /* 4, 6; 0: neither, not ours */
	union {           /* the subscriber's end */
		__be32 address4;
		__u8 address6[16];
	};
	__u32 frame_bytes; /* of an XDP frame, all of it */
	__u32 stated;      /* bytes that the IP header says there are; 0: less than it has itself */
	__u8 protocol;     /* IPv4's protocol, IPv6's first next header */
	__u8 ip_header_bytes;
	/* What will be copied; see measure(). */
	__u32 length;       /* bytes from the IP header on, of all packets together as one */
	__u32 packets;      /* that leave on the wire */
	__u32 largest;      /* bytes of the largest of them, from its IP header on */
	__u32 header_bytes; /* of a super-packet: IP and transport headers, which each of them repeats */
};

static __always_inline bool is_vlan(__be16 protocol)
{
	return protocol == bpf_htons(ETH_P_8021Q) || protocol == bpf_htons(ETH_P_8021AD);
}

static __always_inline bool is_group4(__be32 address)
{
	return (address & bpf_htonl(0xf0000000)) == bpf_htonl(0xe0000000);
}

static __always_inline bool to_a_group(const struct packet *packet)
{
	if (packet->ip_version == 4)
		return is_group4(packet->address4);
	return packet->address6[0] == 0xff;
}

/* Bytes of all the packets that leave, each with its own headers. */
static __always_inline __u64 bytes_on_the_wire(const struct packet *packet)
{
	return packet->length + (__u64)(packet->packets - 1) * packet->header_bytes;
}

#endif
