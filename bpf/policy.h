/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What an intercept leaves out of the mirror: drop policies and the byte rate. */
#ifndef SUBMIRROR_POLICY_H
#define SUBMIRROR_POLICY_H

/* Extension headers that are stepped over to find the transport header (RFC 8200 section 4). */
#define MAX_EXTENSION_HEADERS 8

struct flow {
	__be32 source[4]; /* IPv4 in the first */
	__be32 destination[4];
	__u16 source_port;
	__u16 destination_port;
	__u8 protocol;
	__u8 dscp;
	__u8 has_ports; /* not so in fragments but the first */
	__u8 ip_version;
};

static __always_inline bool carries_ports(__u8 protocol)
{
	return protocol == IPPROTO_TCP || protocol == IPPROTO_UDP || protocol == IPPROTO_SCTP ||
	       protocol == IPPROTO_DCCP || protocol == IPPROTO_UDPLITE;
}

static __always_inline void read_ports(struct __sk_buff *skb, __u32 offset, struct flow *flow)
{
	__be16 ports[2];

	if (!carries_ports(flow->protocol) || bpf_skb_load_bytes(skb, offset, ports, sizeof(ports)))
		return;
	flow->source_port = bpf_ntohs(ports[0]);
	flow->destination_port = bpf_ntohs(ports[1]);
	flow->has_ports = 1;
}

static __always_inline void read_flow4(struct __sk_buff *skb, __u32 offset, struct flow *flow)
{
	struct iphdr ip;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return;
	flow->source[0] = ip.saddr;
	flow->destination[0] = ip.daddr;
	flow->protocol = ip.protocol;
	flow->dscp = ip.tos >> 2;
	if (!(ip.frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET_MASK)))
		read_ports(skb, offset + ip.ihl * 4, flow);
}

struct extension_header {
	__u8 next;
	__u8 length; /* in units of 8 bytes, the first not counted; of AH in units of 4 less 2 */
	__be16 fragment;
};

static __always_inline void read_flow6(struct __sk_buff *skb, __u32 offset, struct flow *flow)
{
	struct ipv6hdr ip;
	struct extension_header header;

	if (bpf_skb_load_bytes(skb, offset, &ip, sizeof(ip)))
		return;
	__builtin_memcpy(flow->source, &ip.saddr, 16);
	__builtin_memcpy(flow->destination, &ip.daddr, 16);
	flow->protocol = ip.nexthdr;
	flow->dscp = (ip.priority << 2) | (ip.flow_lbl[0] >> 6);
	offset += IPV6_HEADER_BYTES;
	for (int i = 0; i < MAX_EXTENSION_HEADERS; i++) {
		if (flow->protocol != IPPROTO_HOPOPTS && flow->protocol != IPPROTO_ROUTING &&
		    flow->protocol != IPPROTO_DSTOPTS && flow->protocol != IPPROTO_FRAGMENT &&
		    flow->protocol != IPPROTO_AH)
			break;
		if (bpf_skb_load_bytes(skb, offset, &header, sizeof(header)))
			return;
		if (flow->protocol == IPPROTO_FRAGMENT) {
			flow->protocol = header.next;
			if (header.fragment & bpf_htons(IPV6_FRAGMENT_OFFSET_MASK))
				return;
			offset += IPV6_FRAGMENT_BYTES;
			continue;
		}
		offset += flow->protocol == IPPROTO_AH ? (header.length + 2) * 4 : (header.length + 1) * 8;
		flow->protocol = header.next;
	}
	read_ports(skb, offset, flow);
}

static __always_inline bool address_fits(const __be32 *address, const __be32 *wanted, const __be32 *mask)
{
	for (int i = 0; i < 4; i++)
		if ((address[i] & mask[i]) != wanted[i])
			return false;
	return true;
}

static __always_inline bool port_fits(const struct flow *flow, __u16 port, __u16 low, __u16 high)
{
	return flow->has_ports && port >= low && port <= high;
}

static __always_inline bool term_fits(const struct term *term, const struct flow *flow)
{
	__u32 flags = term->flags;

	if (flags & TERM_IPV4 && flow->ip_version != 4)
		return false;
	if (flags & TERM_IPV6 && flow->ip_version != 6)
		return false;
	if (flags & TERM_PROTOCOL && term->protocol != flow->protocol)
		return false;
	if (flags & TERM_DSCP && term->dscp != flow->dscp)
		return false;
	if (flags & TERM_SOURCE_PORT &&
	    !port_fits(flow, flow->source_port, term->source_port_low, term->source_port_high))
		return false;
	if (flags & TERM_DESTINATION_PORT &&
	    !port_fits(flow, flow->destination_port, term->destination_port_low, term->destination_port_high))
		return false;
	if (flags & TERM_SOURCE && !address_fits(flow->source, term->source, term->source_mask))
		return false;
	return !(flags & TERM_DESTINATION) || address_fits(flow->destination, term->destination, term->destination_mask);
}

/* 1 where a term of policy `index` fits the packet. */
SUBPROGRAM int excluded(struct __sk_buff *skb, const struct packet *packet, __u32 index)
{
	const struct drop_policy *policy = bpf_map_lookup_elem(&drop_policies, &index);
	struct flow flow = {};

	if (!policy || !packet)
		return 0;
	flow.ip_version = packet->ip_version;
	if (packet->ip_version == 4)
		read_flow4(skb, packet->ip_offset, &flow);
	else
		read_flow6(skb, packet->ip_offset, &flow);
	for (__u32 i = 0; i < MAX_TERMS; i++) {
		if (i >= policy->count)
			break;
		if (term_fits(&policy->terms[i], &flow))
			return 1;
	}
	return 0;
}

/* Takes `bytes` out of the intercept's bucket; false where there are not enough in it. */
static __always_inline bool within_rate(const struct intercept *intercept, __u32 index, __u64 bytes, __u64 now)
{
	struct bucket *bucket = bpf_map_lookup_elem(&buckets, &index);
	__u64 cost = bytes * 1000000000ULL;
	__u64 tokens, waited;
	bool enough;

	if (!bucket)
		return true;
	bpf_spin_lock(&bucket->lock);
	tokens = bucket->tokens_byte_ns;
	waited = now > bucket->filled_ns ? now - bucket->filled_ns : 0;
	if (waited >= intercept->bucket_fill_ns) {
		tokens = intercept->bucket_byte_ns;
	} else {
		tokens += waited * intercept->bytes_per_second;
		if (tokens > intercept->bucket_byte_ns)
			tokens = intercept->bucket_byte_ns;
	}
	if (waited)
		bucket->filled_ns = now;
	enough = tokens >= cost;
	bucket->tokens_byte_ns = enough ? tokens - cost : tokens;
	bpf_spin_unlock(&bucket->lock);
	return enough;
}

#endif
