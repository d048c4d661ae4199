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
	outer->ip.check = folded_complement(ipv4_sum(&outer->ip));
	fill_udp(&outer->udp, intercept, device, plan->direction, length - IPV4_HEADER_BYTES);
	outer->shim[0] = intercept->shim[plan->direction & 1][0];
	outer->shim[1] = intercept->shim[plan->direction & 1][1];
}

/*
 * What a route holds ready of the outer header, and what each copy adds to it. Written in whole words: a copy takes
 * no look at the mediation device, and the compiler would write a packed structure byte by byte.
 */
static __always_inline void put_prepared4(void *to, const struct route *route)
{
	__u64 *words = to;

	for (int i = 0; i < sizeof(struct outer4) / 8; i++)
		words[i] = route->outer4[i];
	*(__u16 *)&words[sizeof(struct outer4) / 8] = (__u16)route->outer4[sizeof(struct outer4) / 8];
}

#define AT(outer, type, member) (*(type *)((void *)(outer) + offsetof(struct outer4, member)))

static __always_inline void complete_outer4(void *outer, struct route *route, const struct intercept *intercept,
					    __u32 direction, __u32 ip_length)
{
	__be16 length = bpf_htons(ip_length + OUTER4_BYTES);
	__be16 id = bpf_htons((__u16)take_ids_of(route, intercept->device, 1));

	AT(outer, __u8, ip.tos) = intercept->tos;
	AT(outer, __be16, ip.tot_len) = length;
	AT(outer, __be16, ip.id) = id;
	AT(outer, __sum16, ip.check) = folded_complement(route->outer4_sum + ((__u32)intercept->tos << 8) + length + id);
	AT(outer, __be16, udp.dest) = intercept->port[direction & 1];
	AT(outer, __be16, udp.len) = bpf_htons(ip_length + UDP_HEADER_BYTES + SHIM_BYTES);
	AT(outer, __be32, shim[0]) = intercept->shim[direction & 1][0];
	AT(outer, __be32, shim[1]) = intercept->shim[direction & 1][1];
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
