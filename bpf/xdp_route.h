/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Where the kernel would route an original to, and whether it would do nothing else with it. */
#ifndef SUBMIRROR_XDP_ROUTE_H
#define SUBMIRROR_XDP_ROUTE_H

/* True where the kernel would drop the packet for its source alone, or what has no business on a wire. */
static __always_inline bool martian4(__be32 address)
{
	__u8 first = bpf_ntohl(address) >> 24;

	return first == 0 || first == 127 || first >= 224;
}

/* True where the kernel would do nothing but route it: no options, time to live, not to a group or on the link only. */
static __always_inline bool plain4(const struct iphdr *ip)
{
	return ip->ihl == 5 && ip->ttl > 1 && !martian4(ip->saddr) && !martian4(ip->daddr) &&
	       (ip->daddr & bpf_htonl(0xffff0000)) != bpf_htonl(0xa9fe0000) && !folded_complement(ipv4_sum(ip));
}

/* Groups, and what is for one link or one host only: ::/32, in which are ::, ::1 and mapped IPv4 addresses. */
static __always_inline bool special6(const struct in6_addr *address)
{
	return address->s6_addr[0] == 0xff || (address->s6_addr[0] == 0xfe && (address->s6_addr[1] & 0xc0) == 0x80) ||
	       !address->s6_addr32[0];
}

static __always_inline bool plain6(const struct ipv6hdr *ip)
{
	return ip->hop_limit > 1 && ip->nexthdr != IPPROTO_HOPOPTS && ip->nexthdr != IPPROTO_ROUTING &&
	       !special6(&ip->saddr) && !special6(&ip->daddr);
}

/* Rules and multipath routes may go by the ports, where a packet has any: not in fragments. */
static __always_inline void read_ports(struct xdp_md *ctx, __u32 offset, struct bpf_fib_lookup *lookup)
{
	__be16 *ports;

	if (lookup->l4_protocol != IPPROTO_TCP && lookup->l4_protocol != IPPROTO_UDP)
		return;
	ports = frame_at(ctx, offset, 2 * sizeof(*ports));
	if (!ports)
		return;
	lookup->sport = ports[0];
	lookup->dport = ports[1];
}

/* Bytes behind the link layer, those behind the IP packet included: the devices' MTU is for all of them. */
static __always_inline __u32 payload_bytes(const struct packet *packet)
{
	return packet->frame_bytes - packet->ip_offset;
}

/* The kernel's route for the original; false for each of its refusals. `lookup->ifindex` holds the way in, then out. */
static __always_inline bool find_next_hop(struct xdp_md *ctx, const struct packet *packet,
					  struct bpf_fib_lookup *lookup)
{
	struct ipv6hdr *v6;
	struct iphdr *v4;

	lookup->tot_len = payload_bytes(packet);
	if (packet->ip_version == 4) {
		v4 = frame_at(ctx, packet->ip_offset, sizeof(*v4));
		if (!v4 || !plain4(v4))
			return false;
		lookup->family = AF_INET;
		lookup->tos = v4->tos;
		lookup->l4_protocol = v4->protocol;
		lookup->ipv4_src = v4->saddr;
		lookup->ipv4_dst = v4->daddr;
		if (!(v4->frag_off & bpf_htons(IPV4_MORE_FRAGMENTS | IPV4_FRAGMENT_OFFSET_MASK)))
			read_ports(ctx, packet->ip_offset + IPV4_HEADER_BYTES, lookup);
	} else {
		v6 = frame_at(ctx, packet->ip_offset, sizeof(*v6));
		if (!v6 || !plain6(v6))
			return false;
		lookup->family = AF_INET6;
		lookup->flowinfo = *(__be32 *)v6 & bpf_htonl(0x0fffffff);
		lookup->l4_protocol = v6->nexthdr;
		__builtin_memcpy(lookup->ipv6_src, &v6->saddr, 16);
		__builtin_memcpy(lookup->ipv6_dst, &v6->daddr, 16);
		read_ports(ctx, packet->ip_offset + IPV6_HEADER_BYTES, lookup);
	}
	return bpf_fib_lookup(ctx, lookup, sizeof(*lookup), 0) == BPF_FIB_LKUP_RET_SUCCESS;
}

#endif
