/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The way through the IP stack, for copies that cannot go straight out: the neighbour is not known, the datagram
 * must be fragmented, the route is a tunnel, or single packets are needed. A copy leaves by one end of the helper
 * pair, where the kernel cuts super-packets and completes checksums (the end offers neither), and comes in at the
 * other as single packets. Those are encapsulated and sent in once more, now as what they have become, and routed.
 * In between, the addresses of the Ethernet header, which nobody needs any more, say what a frame is.
 */
#ifndef SUBMIRROR_STACK_H
#define SUBMIRROR_STACK_H

/*
 * First octet of the destination address: a copy as it was; a datagram; a datagram that is to become a fragment. A
 * copy counts as mirrored when it is handed to the IP stack: what the pair's queue drops, the pair's device counts.
 */
#define NOTE_COPY 0x5a
#define NOTE_DATAGRAM 0x5c
#define NOTE_FRAGMENT 0x5e

/* The programs of another build, whose maps may differ, leave alone what is not of their own generation. */
struct note_head {
	__u8 kind;
	__u8 generation;
} __attribute__((packed));

struct copy_note {
	struct note_head head;
	__u8 direction;
	__u8 ip_offset;
	__u32 intercept;
	__u32 reserved;
} __attribute__((packed));

struct fragment_note {
	struct note_head head;
	__u8 direction : 1;
	__u8 index : 7;
	__u8 identification[3];
	__u16 payload_bytes; /* of each fragment but the last, a multiple of 8 */
	__u32 intercept;
} __attribute__((packed));

/* Set by user space: the same for all programs that share maps. */
const volatile __u8 generation = 0;

static __always_inline int write_copy_note(struct __sk_buff *skb, const struct handover *order, __u32 ip_offset)
{
	struct copy_note note = {
		.head = { NOTE_COPY, generation },
		.direction = order->direction,
		.ip_offset = ip_offset,
		.intercept = order->intercept,
	};

	return bpf_skb_store_bytes(skb, 0, &note, sizeof(note), 0) ? FAILED(DROP_STORE) : 0;
}

/* Length that the IP header of a single packet states; what it carries where that is less. */
static __always_inline __u32 single_length(struct __sk_buff *skb, __u32 ip_offset)
{
	struct packet packet = { .ip_offset = ip_offset };
	__u8 first = 0;

	if (bpf_skb_load_bytes(skb, ip_offset, &first, 1))
		return 0;
	if (first >> 4 == 4)
		parse_ipv4(skb, &packet);
	else
		parse_ipv6(skb, &packet);
	measure(skb, &packet);
	return packet.length;
}

/* Encapsulates a copy that came in at the helper pair. Returns 0, or drop_reason + 1. */
static __always_inline int encapsulate_noted(struct __sk_buff *skb, const struct copy_note *note)
{
	struct copy_note done = {
		.head = { NOTE_DATAGRAM, generation },
		.direction = note->direction,
		.intercept = note->intercept,
	};
	struct plan plan = {
		.intercept = note->intercept,
		.direction = note->direction,
		.ip_offset = note->ip_offset,
		.ip_length = single_length(skb, note->ip_offset),
		.packets = 1,
		.single = true,
	};

	/* The addresses stand in the frame as in the note: destination, then source. */
	__builtin_memcpy(plan.destination_mac, &done, ETH_ALEN);
	__builtin_memcpy(plan.source_mac, (__u8 *)&done + ETH_ALEN, ETH_ALEN);
	return encapsulate(skb, &plan);
}

struct path {
	__u32 mtu; /* 0: not known */
	bool ipv6; /* no router fragments it */
};

/* The path to the intercept's mediation device. */
static __always_inline struct path path_of(struct __sk_buff *skb, __u32 index)
{
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &index);
	const struct mediation_device *device;
	const struct route *route;
	struct path path = {};

	device = intercept ? bpf_map_lookup_elem(&mediation_devices, &intercept->device) : NULL;
	if (!device)
		return path;
	route = route_to(skb, intercept->device, device, recent_ns());
	path.mtu = route ? route->mtu : 0;
	path.ipv6 = device->flags & DEVICE_IPV6;
	return path;
}

/*
 * Sends an encapsulated IPv6 copy back in as many times as it has fragments (RFC 8200 section 4.5), each with a note
 * of which one it is to become. Returns 0, or drop_reason + 1.
 */
static __always_inline int fragment_ipv6(struct __sk_buff *skb, __u32 stack_in_ifindex, __u32 mtu,
					 const struct copy_note *copy)
{
	__u32 payload = skb->len - ETH_HLEN - IPV6_HEADER_BYTES;
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &copy->intercept);
	__u32 identification = intercept ? take_ids(intercept->device, 1) : 0;
	struct fragment_note note = {
		.head = { NOTE_FRAGMENT, generation },
		.direction = copy->direction,
		.intercept = copy->intercept,
		.payload_bytes = (mtu - IPV6_HEADER_BYTES - IPV6_FRAGMENT_BYTES) & ~7,
	};
	__u32 sent = 0;

	__builtin_memcpy(note.identification, &identification, sizeof(note.identification));

	for (int i = 0; i < MAX_FRAGMENTS; i++) {
		if (sent >= payload)
			return 0;
		note.index = i;
		if (bpf_skb_store_bytes(skb, 0, &note, sizeof(note), 0))
			return FAILED(DROP_STORE);
		if (bpf_clone_redirect(skb, stack_in_ifindex, BPF_F_INGRESS))
			return FAILED(DROP_CLONE);
		sent += note.payload_bytes;
	}
	return sent >= payload ? 0 : FAILED(DROP_FRAGMENT);
}

struct ipv6_fragment_header {
	__u8 next;
	__u8 reserved;
	__be16 offset_and_more;
	__be32 identification;
};

/* bpf_skb_adjust_room takes away at most this at a time (12 bits). */
#define MAX_SHRINK 4088

/* Takes `bytes` away behind the IPv6 header. */
static __always_inline int cut_behind_ipv6_header(struct __sk_buff *skb, __u32 bytes)
{
	for (int i = 0; i < 17; i++) {
		__s32 step = bytes > MAX_SHRINK ? MAX_SHRINK : bytes;

		if (!bytes)
			return 0;
		if (bpf_skb_adjust_room(skb, -step, BPF_ADJ_ROOM_NET, 0))
			return FAILED(DROP_FRAGMENT);
		bytes -= step;
	}
	return bytes ? FAILED(DROP_FRAGMENT) : 0;
}

/* Makes the fragment that `note` names out of a whole copy. Returns 0, or drop_reason + 1. */
static __always_inline int become_fragment(struct __sk_buff *skb, const struct fragment_note *note)
{
	__u32 payload = skb->len - ETH_HLEN - IPV6_HEADER_BYTES;
	__u32 offset = (__u32)note->index * note->payload_bytes;
	struct ipv6_fragment_header header = { .next = IPPROTO_UDP };
	__be16 payload_length;
	__u8 next = IPPROTO_FRAGMENT;
	__u32 left;
	int failed;

	if (offset >= payload)
		return FAILED(DROP_FRAGMENT);
	left = payload - offset;
	header.offset_and_more = bpf_htons(offset);
	__builtin_memcpy(&header.identification, note->identification, sizeof(note->identification));
	if (left > note->payload_bytes) {
		left = note->payload_bytes;
		header.offset_and_more |= bpf_htons(1);
		if (bpf_skb_change_tail(skb, ETH_HLEN + IPV6_HEADER_BYTES + offset + left, 0))
			return FAILED(DROP_TRIM);
	}
	failed = cut_behind_ipv6_header(skb, offset);
	if (failed)
		return failed;
	if (bpf_skb_adjust_room(skb, sizeof(header), BPF_ADJ_ROOM_NET, 0))
		return FAILED(DROP_GROW);
	payload_length = bpf_htons(left + sizeof(header));
	if (bpf_skb_store_bytes(skb, ETH_HLEN + IPV6_HEADER_BYTES, &header, sizeof(header), 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, nexthdr), &next, 1, 0) ||
	    bpf_skb_store_bytes(skb, ETH_HLEN + offsetof(struct ipv6hdr, payload_len), &payload_length, 2, 0))
		return FAILED(DROP_STORE);
	return 0;
}

/* A copy that the IP stack has routed. Its fragments, too. */
static __always_inline bool came_through_stack(struct __sk_buff *skb, const struct config *config)
{
	return config->stack_in_ifindex && skb->ingress_ifindex == config->stack_in_ifindex;
}

static __always_inline int restore_hop_limit(struct __sk_buff *skb, __u32 link_bytes, __u8 ttl)
{
	__u32 offset = link_bytes + offsetof(struct ipv6hdr, hop_limit);
	__u8 hops;

	if (bpf_skb_load_bytes(skb, offset, &hops, 1))
		return FAILED(DROP_TTL_RESTORE);
	if (hops != (__u8)(ttl - 1))
		return 0;
	return bpf_skb_store_bytes(skb, offset, &ttl, 1, 0) ? FAILED(DROP_TTL_RESTORE) : 0;
}

/*
 * The stack counted the TTL of a copy down by one hop that is inside this node: sets it back to `ttl`, on every
 * fragment. Once: where a mediation interface sends by another one, the copy passes here for each of them.
 */
static __always_inline int restore_ttl(struct __sk_buff *skb, __u32 link_bytes, __u8 ttl)
{
	__u32 offset = link_bytes + offsetof(struct iphdr, ttl);
	__be16 before, after;

	if (skb->protocol == bpf_htons(ETH_P_IPV6))
		return restore_hop_limit(skb, link_bytes, ttl);
	if (skb->protocol != bpf_htons(ETH_P_IP))
		return 0;
	if (bpf_skb_load_bytes(skb, offset, &before, 2))
		return FAILED(DROP_TTL_RESTORE);
	/* TTL is the first of the two bytes in network byte order. */
	if (bpf_ntohs(before) >> 8 != (__u8)(ttl - 1))
		return 0;
	after = bpf_htons(bpf_ntohs(before) + 0x100);
	if (bpf_l3_csum_replace(skb, link_bytes + offsetof(struct iphdr, check), before, after, 2) ||
	    bpf_skb_store_bytes(skb, offset, &after, 2, 0))
		return FAILED(DROP_TTL_RESTORE);
	return 0;
}

#endif
