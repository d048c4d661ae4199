/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Where the IP header is, whose addresses it holds, and how many packets the skb stands for. Reads only: through
 * the packet pointers where the headers lie in the linear part, else by bpf_skb_load_bytes, so that the original
 * is never rearranged.
 */
#ifndef SUBMIRROR_PARSE_H
#define SUBMIRROR_PARSE_H

/* `length` bytes at `offset`, or NULL where the packet is shorter; `spare` takes them where they are not linear. */
static __always_inline void *bytes_at(struct __sk_buff *skb, __u32 offset, void *spare, __u32 length)
{
	void *data = (void *)(long)skb->data;
	void *end = (void *)(long)skb->data_end;

	if (offset > MAX_IP_OFFSET)
		return NULL;
	if (data + offset + length <= end)
		return data + offset;
	if (bpf_skb_load_bytes(skb, offset, spare, length))
		return NULL;
	return spare;
}

/* The two bytes at `offset`; 0 where the packet is shorter. */
static __always_inline __be16 half_word_at(struct __sk_buff *skb, __u32 offset)
{
	__be16 value;

	return bpf_skb_load_bytes(skb, offset, &value, sizeof(value)) ? 0 : value;
}

/*
 * Steps over tags that are in the packet (a tag in the skb's metadata takes no room) and over PPPoE.
 * Returns the ethertype behind them and moves `offset` there.
 */
static __always_inline __be16 skip_link_layer(struct __sk_buff *skb, __be16 protocol, __u32 *offset)
{
	__be16 ppp;

	for (int tag = 0; tag < MAX_VLAN_TAGS; tag++) {
		if (!is_vlan(protocol))
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

/* Padding that the link layer added is not among the stated bytes. */
static __always_inline void note_header(struct packet *packet, __u32 header, __u32 stated, __u8 protocol)
{
	packet->ip_header_bytes = header;
	packet->stated = stated < header ? 0 : stated;
	packet->protocol = protocol;
}

static __always_inline void parse_ipv4(struct __sk_buff *skb, struct packet *packet)
{
	struct iphdr spare;
	struct iphdr *ip = bytes_at(skb, packet->ip_offset, &spare, sizeof(spare));

	if (!ip || ip->version != 4)
		return;
	packet->ip_version = 4;
	packet->address4 = packet->direction == DIRECTION_FROM ? ip->saddr : ip->daddr;
	note_header(packet, ip->ihl * 4, bpf_ntohs(ip->tot_len), ip->protocol);
}

static __always_inline void parse_ipv6(struct __sk_buff *skb, struct packet *packet)
{
	struct ipv6hdr spare;
	struct ipv6hdr *ip = bytes_at(skb, packet->ip_offset, &spare, sizeof(spare));

	if (!ip || ip->version != 6)
		return;
	packet->ip_version = 6;
	__builtin_memcpy(packet->address6, packet->direction == DIRECTION_FROM ? &ip->saddr : &ip->daddr, 16);
	note_header(packet, IPV6_HEADER_BYTES, bpf_ntohs(ip->payload_len) + IPV6_HEADER_BYTES, ip->nexthdr);
}

static __always_inline void parse(struct __sk_buff *skb, struct packet *packet)
{
	__be16 protocol = skb->protocol;

	packet->ip_offset = packet->link_bytes;
	if (protocol != bpf_htons(ETH_P_IP) && protocol != bpf_htons(ETH_P_IPV6))
		protocol = skip_link_layer(skb, protocol, &packet->ip_offset);
	if (protocol == bpf_htons(ETH_P_IP))
		parse_ipv4(skb, packet);
	else if (protocol == bpf_htons(ETH_P_IPV6))
		parse_ipv6(skb, packet);
}

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

/* How much there is to copy, and for a super-packet (GRO, GSO) how it will be cut. */
static __always_inline void measure(struct __sk_buff *skb, struct packet *packet)
{
	__u32 carried = skb->len - packet->ip_offset;
	__u32 payload;

	packet->packets = 1;
	packet->length = carried;
	packet->largest = carried;
	if (!skb->gso_size) {
		/* A packet that claims more than it carries, or nothing, is malformed: what is there is mirrored. */
		if (packet->stated && packet->stated < carried)
			packet->length = packet->largest = packet->stated;
		return;
	}
	packet->header_bytes = packet->ip_header_bytes + transport_header_bytes(skb, packet->protocol,
										packet->ip_offset +
											packet->ip_header_bytes);
	payload = carried > packet->header_bytes ? carried - packet->header_bytes : 0;
	if (payload <= skb->gso_size)
		return;
	packet->packets = (payload + skb->gso_size - 1) / skb->gso_size;
	packet->largest = packet->header_bytes + skb->gso_size;
}

#endif
