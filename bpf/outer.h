/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What is put in front of a copy: Ethernet, outer IP, UDP and the 8-byte shim. */
#ifndef SUBMIRROR_OUTER_H
#define SUBMIRROR_OUTER_H

struct plan {
	__u32 intercept;
	__u32 direction;
	__u32 ip_offset;
	__u32 ip_length;
	__u32 packets;
	bool single; /* surely no super-packet, its own checksums complete: the kernel need not know of the tunnel */
	__u8 source_mac[6];
	__u8 destination_mac[6];
};

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

#define FAILED(reason) ((int)(reason) + 1)

static __always_inline __u32 outer_bytes(const struct mediation_device *device)
{
	return device->flags & DEVICE_IPV6 ? OUTER6_BYTES : OUTER4_BYTES;
}

static __always_inline void fill_ethernet(struct ethhdr *ethernet, const struct plan *plan, __u16 protocol)
{
	__builtin_memcpy(ethernet->h_source, plan->source_mac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, plan->destination_mac, ETH_ALEN);
	ethernet->h_proto = bpf_htons(protocol);
}

/* The UDP checksum is 0, none, as Junos sends it; for IPv6 RFC 6935 allows that. Else it is computed afterwards. */
static __always_inline void fill_udp(struct udphdr *udp, const struct intercept *intercept,
				     const struct mediation_device *device, __u32 direction, __u32 length)
{
	udp->source = device->source_port;
	udp->dest = intercept->port[direction & 1];
	udp->len = bpf_htons(length);
	udp->check = 0;
}

static __always_inline __sum16 ipv4_checksum(const struct iphdr *ip)
{
	const __u16 *words = (const __u16 *)ip;
	__u32 sum = 0;

	for (int i = 0; i < IPV4_HEADER_BYTES / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void fill_outer4(struct outer4 *outer, const struct plan *plan, const struct intercept *intercept,
					const struct mediation_device *device)
{
	__u32 length = plan->ip_length + OUTER4_BYTES;

	fill_ethernet(&outer->ethernet, plan, ETH_P_IP);
	outer->ip.version = 4;
	outer->ip.ihl = IPV4_HEADER_BYTES / 4;
	outer->ip.tos = intercept->tos;
	/* Of a super-packet the kernel sets length, identification and checksum anew in each packet that it cuts. */
	outer->ip.tot_len = length > 0xffff ? 0 : bpf_htons(length);
	outer->ip.id = bpf_htons((__u16)take_ids(intercept->device, plan->packets));
	outer->ip.ttl = device->ttl;
	outer->ip.protocol = IPPROTO_UDP;
	__builtin_memcpy(&outer->ip.saddr, device->source, 4);
	__builtin_memcpy(&outer->ip.daddr, device->destination, 4);
	outer->ip.check = ipv4_checksum(&outer->ip);
	fill_udp(&outer->udp, intercept, device, plan->direction, length - IPV4_HEADER_BYTES);
	outer->shim[0] = intercept->shim[plan->direction & 1][0];
	outer->shim[1] = intercept->shim[plan->direction & 1][1];
}

static __always_inline void fill_outer6(struct outer6 *outer, const struct plan *plan, const struct intercept *intercept,
					const struct mediation_device *device)
{
	__u32 length = plan->ip_length + UDP_HEADER_BYTES + SHIM_BYTES;

	fill_ethernet(&outer->ethernet, plan, ETH_P_IPV6);
	outer->ip.version = 6;
	outer->ip.priority = intercept->tos >> 4;
	outer->ip.flow_lbl[0] = intercept->tos << 4;
	outer->ip.payload_len = length > 0xffff ? 0 : bpf_htons(length);
	outer->ip.nexthdr = IPPROTO_UDP;
	outer->ip.hop_limit = device->ttl;
	__builtin_memcpy(&outer->ip.saddr, device->source, 16);
	__builtin_memcpy(&outer->ip.daddr, device->destination, 16);
	fill_udp(&outer->udp, intercept, device, plan->direction, length);
	outer->shim[0] = intercept->shim[plan->direction & 1][0];
	outer->shim[1] = intercept->shim[plan->direction & 1][1];
}

#endif
