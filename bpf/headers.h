/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The headers in front of a copy, as they lie in the datagram. */
#ifndef SUBMIRROR_HEADERS_H
#define SUBMIRROR_HEADERS_H

struct outer4 {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	__be32 shim[2];
} __attribute__((packed));

struct outer6 {
	struct ethhdr ethernet;
	struct ipv6hdr ip;
	struct udphdr udp;
	__be32 shim[2];
} __attribute__((packed));

#define OUTER4_BYTES (sizeof(struct outer4) - ETH_HLEN)
#define OUTER6_BYTES (sizeof(struct outer6) - ETH_HLEN)

/* Of the header's 16-bit words, which are at most ten. */
static __always_inline __u32 ipv4_sum(const struct iphdr *ip)
{
	const __u16 *words = (const __u16 *)ip;
	__u32 sum = 0;

	for (int i = 0; i < IPV4_HEADER_BYTES / 2; i++)
		sum += words[i];
	return sum;
}

static __always_inline __sum16 folded_complement(__u32 sum)
{
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

#endif
