/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The way through the IP stack, for copies that cannot go straight out: the neighbour is not known, the datagram
 * must be fragmented, the route is a tunnel. A copy leaves by one end of the helper pair, where the kernel cuts
 * super-packets (the end takes none), and comes in at the other as single packets, which are then encapsulated
 * and routed. In between, the addresses of its Ethernet header, which nobody needs any more, say what it is.
 */
#ifndef SUBMIRROR_STACK_H
#define SUBMIRROR_STACK_H

#define STACK_NOTE_MAGIC 0x5a

struct stack_note {
	__u8 magic;
	__u8 direction;
	__u8 ip_offset;
	__u8 reserved;
	__u32 intercept;
	__u32 reserved_too;
} __attribute__((packed));

static __always_inline int write_stack_note(struct __sk_buff *skb, const struct handover *order)
{
	struct stack_note note = {
		.magic = STACK_NOTE_MAGIC,
		.direction = order->direction,
		.ip_offset = order->ip_offset,
		.intercept = order->intercept,
	};

	return bpf_skb_store_bytes(skb, 0, &note, sizeof(note), 0) ? FAILED(DROP_STORE) : 0;
}

/* Length that the IP header of a single packet states; what it carries where that is less. */
static __always_inline __u32 stated_length(struct __sk_buff *skb, __u32 ip_offset)
{
	struct parsed packet = { .ip_offset = ip_offset };
	struct extent extent;
	__u8 first = 0;

	if (bpf_skb_load_bytes(skb, ip_offset, &first, 1))
		return 0;
	packet.ip_version = first >> 4;
	measure(skb, &packet, &extent);
	return extent.length;
}

/* Encapsulates a copy that came in at the helper pair. Returns 0, or drop_reason + 1. */
static __always_inline int encapsulate_noted(struct __sk_buff *skb, const struct config *config, __u32 *intercept)
{
	struct stack_note note;
	struct plan plan = {};

	if (bpf_skb_load_bytes(skb, 0, &note, sizeof(note)) || note.magic != STACK_NOTE_MAGIC)
		return FAILED(DROP_NOT_TAKEN);
	*intercept = note.intercept;
	plan.intercept = note.intercept;
	plan.direction = note.direction;
	plan.ip_offset = note.ip_offset;
	plan.ip_length = stated_length(skb, note.ip_offset);
	plan.packets = 1;
	__builtin_memcpy(plan.source_mac, config->stack_in_mac, ETH_ALEN);
	__builtin_memcpy(plan.destination_mac, config->stack_in_mac, ETH_ALEN);
	return encapsulate(skb, &plan);
}

/* The stack counted the TTL of a copy down by one hop that is inside this node: sets it back, on every fragment. */
static __always_inline int restore_ttl(struct __sk_buff *skb)
{
	__u32 offset = ETH_HLEN + offsetof(struct iphdr, ttl);
	__u16 before, after;

	if (skb->protocol == bpf_htons(ETH_P_IPV6)) {
		__u8 hops;

		offset = ETH_HLEN + offsetof(struct ipv6hdr, hop_limit);
		if (bpf_skb_load_bytes(skb, offset, &hops, 1))
			return FAILED(DROP_TTL_RESTORE);
		hops++;
		return bpf_skb_store_bytes(skb, offset, &hops, 1, 0) ? FAILED(DROP_TTL_RESTORE) : 0;
	}
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return 0;
	if (bpf_skb_load_bytes(skb, offset, &before, 2))
		return FAILED(DROP_TTL_RESTORE);
	/* TTL is the first of the two bytes in network byte order. */
	after = bpf_htons(bpf_ntohs(before) + 0x100);
	if (bpf_l3_csum_replace(skb, ETH_HLEN + offsetof(struct iphdr, check), before, after, 2) ||
	    bpf_skb_store_bytes(skb, offset, &after, 2, 0))
		return FAILED(DROP_TTL_RESTORE);
	return 0;
}

#endif
