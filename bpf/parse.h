/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the IP header is, whose addresses it holds, and how many packets the skb stands for. Reads only: through
 * the packet pointers where the headers lie in the linear part, else by bpf_skb_load_bytes, so that the original
 * is never rearranged.
 */
#ifndef SUBMIRROR_PARSE_H
#define SUBMIRROR_PARSE_H

struct parsed {
	__u32 ip_offset;
	__u32 ip_version; /* 4, 6; 0: neither, not ours */
	union {
		__be32 address4;
		__u8 address6[16];
		__u64 address6_words[2];
	};
};

/* `length` bytes at `offset`, or NULL where the packet is shorter; `spare` takes them where they are not linear. */
static __always_inline void *bytes_at(struct __sk_buff *skb, __u32 offset, void *spare, __u32 length)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if (data + offset + length <= end)
		return data + offset;
	if (bpf_skb_load_bytes(skb, offset, spare, length))
		return NULL;
	return spare;
}

/* The two bytes at `offset`; 0 where the packet is shorter. */
static __always_inline __be16 half_word_at(struct __sk_buff *skb, __u32 offset)
{
	__be16 spare;
	__be16 *bytes = bytes_at(skb, offset, &spare, sizeof(spare));

	return bytes ? *bytes : 0;
}

/*
 * Steps over tags that are in the packet (a tag in the skb's metadata takes no room) and over PPPoE.
 * Returns the ethertype behind them and moves `offset` there.
 */
static __always_inline __be16 skip_link_layer(struct __sk_buff *skb, __be16 protocol, __u32 *offset)
{
	__be16 ppp;

	for (int tag = 0; tag < MAX_VLAN_TAGS; tag++) {
		if (protocol != bpf_htons(ETH_P_8021Q) && protocol != bpf_htons(ETH_P_8021AD))
			break;
		protocol = half_word_at(skb, *offset + 2);
		*offset += VLAN_HEADER_BYTES;
	}
	if (protocol != bpf_htons(ETH_P_PPP_SES))
		return protocol;
	ppp = half_word_at(skb, *offset + 6);
	*offset += PPPOE_SESSION_BYTES;
	if (ppp == bpf_htons(PPP_IP))
		return bpf_htons(ETH_P_IP);
	return ppp == bpf_htons(PPP_IPV6) ? bpf_htons(ETH_P_IPV6) : 0;
}

static __always_inline void parse_ipv4(struct __sk_buff *skb, __u32 direction, struct parsed *packet)
{
	struct iphdr spare;
	struct iphdr *ip = bytes_at(skb, packet->ip_offset, &spare, sizeof(spare));

	if (!ip || ip->version != 4)
		return;
	packet->ip_version = 4;
	packet->address4 = direction == DIRECTION_FROM ? ip->saddr : ip->daddr;
}

static __always_inline void parse_ipv6(struct __sk_buff *skb, __u32 direction, struct parsed *packet)
{
	struct ipv6hdr spare;
	struct ipv6hdr *ip = bytes_at(skb, packet->ip_offset, &spare, sizeof(spare));

	if (!ip || ip->version != 6)
		return;
	packet->ip_version = 6;
	__builtin_memcpy(packet->address6, direction == DIRECTION_FROM ? &ip->saddr : &ip->daddr, 16);
}

/* `link_bytes` is where the ethertype's payload begins: ETH_HLEN, or 0 on an interface without a link layer. */
static __always_inline void parse(struct __sk_buff *skb, __u32 direction, __u32 link_bytes, struct parsed *packet)
{
	__be16 protocol = skb->protocol;

	packet->ip_version = 0;
	packet->ip_offset = link_bytes;
	if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
		protocol = skip_link_layer(skb, protocol, &packet->ip_offset);
	if (protocol == bpf_htons(ETH_P_IP))
		parse_ipv4(skb, direction, packet);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		parse_ipv6(skb, direction, packet);
}

/* What will be copied: its length, and for a super-packet how it will be cut. */
struct extent {
	__u32 length;       /* bytes from the IP header on, of all packets together as one */
	__u32 packets;      /* that leave on the wire */
	__u32 largest;      /* bytes of the largest of them, from its IP header on */
	__u32 header_bytes; /* IP and transport headers, which each of them repeats */
};

/* Bytes of the transport header at `offset`; TCP's from its data offset, else UDP's. */
static __always_inline __u32 transport_header_bytes(struct __sk_buff *skb, __u8 protocol, __u32 offset)
{
	__u8 data_offset;

	if (protocol != IPPROTO_TCP)
		return UDP_HEADER_BYTES;
	if (bpf_skb_load_bytes(skb, offset + 12, &data_offset, 1))
		return 20;
	return (data_offset >> 4) * 4;
}

/* Bytes that the IP header says there are, and the length of that header. Link-layer padding is not among them. */
static __always_inline __u32 ip_bytes(struct __sk_buff *skb, const struct parsed *packet, __u32 *header_bytes,
				      __u8 *protocol)
{
	union {
		struct iphdr v4;
		struct ipv6hdr v6;
	} ip;

	if (packet->ip_version == 4) {
		if (bpf_skb_load_bytes(skb, packet->ip_offset, &ip.v4, sizeof(ip.v4)))
			return 0;
		*header_bytes = ip.v4.ihl * 4;
		*protocol = ip.v4.protocol;
		return bpf_ntohs(ip.v4.tot_len);
	}
	if (bpf_skb_load_bytes(skb, packet->ip_offset, &ip.v6, sizeof(ip.v6)))
		return 0;
	*header_bytes = IPV6_HEADER_BYTES;
	*protocol = ip.v6.nexthdr;
	return bpf_ntohs(ip.v6.payload_len) + IPV6_HEADER_BYTES;
}

static __always_inline void measure(struct __sk_buff *skb, const struct parsed *packet, struct extent *extent)
{
	__u32 carried = skb->len - packet->ip_offset;
	__u32 ip_header_bytes = 0;
	__u8 protocol = 0;
	__u32 stated = ip_bytes(skb, packet, &ip_header_bytes, &protocol);
	__u32 payload;

	extent->packets = 1;
	extent->header_bytes = 0;
	if (!skb->gso_size) {
		/* A packet that claims more than it carries is malformed: what is there is mirrored. */
		extent->length = stated && stated < carried ? stated : carried;
		extent->largest = extent->length;
		return;
	}
	extent->length = carried;
	extent->header_bytes = ip_header_bytes + transport_header_bytes(skb, protocol, packet->ip_offset + ip_header_bytes);
	extent->largest = extent->header_bytes + skb->gso_size;
	payload = carried > extent->header_bytes ? carried - extent->header_bytes : 0;
	extent->packets = (payload + skb->gso_size - 1) / skb->gso_size;
	if (extent->packets == 0)
		extent->packets = 1;
	if (extent->largest > carried)
		extent->largest = carried;
}

/* Bytes of all the packets that leave, each with its own headers. */
static __always_inline __u64 mirrored_bytes(const struct extent *extent)
{
	return extent->length + (__u64)(extent->packets - 1) * extent->header_bytes;
}

#endif
