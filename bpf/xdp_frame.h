/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Reading and reshaping XDP frames. */
#ifndef SUBMIRROR_XDP_FRAME_H
#define SUBMIRROR_XDP_FRAME_H

/*
 * The three pointers of a frame. Read by hand, since the compiler takes members of 32 bits for numbers that it may
 * keep in half a register, and a pointer that was cut in half is none any more.
 */
#define FRAME_POINTER(name, member)                                                                             \
	static __always_inline void *name(struct xdp_md *ctx)                                                   \
	{                                                                                                       \
		void *pointer;                                                                                  \
                                                                                                                \
		asm volatile("%0 = *(u32 *)(%1 + %2)"                                                           \
			     : "=r"(pointer)                                                                    \
			     : "r"(ctx), "i"(offsetof(struct xdp_md, member)));                                 \
		return pointer;                                                                                 \
	}

FRAME_POINTER(frame_start, data)
FRAME_POINTER(frame_end, data_end)
FRAME_POINTER(frame_metadata, data_meta)

/* `length` bytes at `offset` of the frame, or NULL where they are not there or not in its first buffer. */
static __always_inline void *frame_at(struct xdp_md *ctx, __u32 offset, __u32 length)
{
	void *at;

	if (offset > MAX_IP_OFFSET)
		return NULL;
	at = frame_start(ctx) + offset;
	return at + length > frame_end(ctx) ? NULL : at;
}

/*
 * Finds the IP header behind at most one tag, whose id goes to `vlan_id` (0: none). False where there is none, or
 * it is behind more; PPPoE and QinQ are left to tc. So are frames in several buffers, as jumbo frames may be: not every
 * device sends such on.
 */
static __always_inline bool find_ip(struct xdp_md *ctx, struct packet *packet, __u32 *vlan_id)
{
	struct ethhdr *ethernet = frame_at(ctx, 0, ETH_HLEN);
	__be16 protocol, *tag;

	packet->frame_bytes = bpf_xdp_get_buff_len(ctx);
	if (!ethernet || frame_end(ctx) - frame_start(ctx) != packet->frame_bytes)
		return false;
	protocol = ethernet->h_proto;
	packet->link_bytes = ETH_HLEN;
	packet->ip_offset = ETH_HLEN;
	*vlan_id = 0;
	if (is_vlan(protocol)) {
		tag = frame_at(ctx, ETH_HLEN, VLAN_HEADER_BYTES);
		if (!tag)
			return false;
		*vlan_id = bpf_ntohs(tag[0]) & VLAN_ID_MASK;
		protocol = tag[1];
		packet->ip_offset = ETH_HLEN + VLAN_HEADER_BYTES;
	}
	if (protocol == bpf_htons(ETH_P_IP))
		packet->ip_version = 4;
	else if (protocol == bpf_htons(ETH_P_IPV6))
		packet->ip_version = 6;
	else
		return false;
	return true;
}

/* Notes the subscriber's end for `direction`, and the length. False where the header is not whole or contradicts. */
static __always_inline bool read_ip(struct xdp_md *ctx, __u32 direction, struct packet *packet)
{
	struct ipv6hdr *v6;
	struct iphdr *v4;

	packet->direction = direction;
	packet->packets = 1;
	if (packet->ip_version == 4) {
		v4 = frame_at(ctx, packet->ip_offset, sizeof(*v4));
		if (!v4 || v4->version != 4 || v4->ihl < 5 || bpf_ntohs(v4->tot_len) < v4->ihl * 4)
			return false;
		packet->address4 = direction == DIRECTION_FROM ? v4->saddr : v4->daddr;
		packet->length = bpf_ntohs(v4->tot_len);
	} else {
		v6 = frame_at(ctx, packet->ip_offset, sizeof(*v6));
		if (!v6 || v6->version != 6)
			return false;
		__builtin_memcpy(packet->address6, direction == DIRECTION_FROM ? &v6->saddr : &v6->daddr, 16);
		packet->length = bpf_ntohs(v6->payload_len) + IPV6_HEADER_BYTES;
	}
	packet->largest = packet->length;
	return packet->length <= packet->frame_bytes - packet->ip_offset;
}

/* Cuts the frame behind `length` bytes; padding goes, and what the snap length does not keep. */
static __always_inline int cut_frame(struct xdp_md *ctx, const struct packet *packet, __u32 length)
{
	if (packet->frame_bytes <= length)
		return 0;
	return bpf_xdp_adjust_tail(ctx, (int)length - (int)packet->frame_bytes) ? FAILED(DROP_TRIM) : 0;
}

static __always_inline int put_frame_outer4(struct xdp_md *ctx, __u32 ip_offset, __u32 direction, __u32 ip_length,
					    const struct intercept *intercept, struct route *route)
{
	void *outer;

	if (bpf_xdp_adjust_head(ctx, (int)ip_offset - (int)sizeof(struct outer4)))
		return FAILED(DROP_GROW);
	outer = frame_at(ctx, 0, sizeof(struct outer4));
	if (!outer)
		return FAILED(DROP_STORE);
	put_prepared4(outer, route);
	complete_outer4(outer, route, intercept, direction, ip_length);
	return 0;
}

static __always_inline int put_frame_outer6(struct xdp_md *ctx, struct plan *plan,
					    const struct intercept *intercept, const struct mediation_device *device,
					    const struct route *route)
{
	struct outer6 *outer;

	if (bpf_xdp_adjust_head(ctx, (int)plan->ip_offset - (int)sizeof(*outer)))
		return FAILED(DROP_GROW);
	outer = frame_at(ctx, 0, sizeof(*outer));
	if (!outer)
		return FAILED(DROP_STORE);
	__builtin_memcpy(plan->source_mac, route->source_mac, ETH_ALEN);
	__builtin_memcpy(plan->destination_mac, route->destination_mac, ETH_ALEN);
	__builtin_memset(outer, 0, sizeof(*outer));
	fill_outer6(outer, plan, intercept, device);
	return 0;
}

/* A frame becomes a datagram for the mediation device. Returns 0, or drop_reason + 1. */
static __always_inline int encapsulate_frame(struct xdp_md *ctx, const struct packet *packet, struct plan *plan,
					     const struct intercept *intercept, const struct mediation_device *device,
					     struct route *route)
{
	int failed;

	if (intercept->snap_length && plan->ip_length > intercept->snap_length)
		plan->ip_length = intercept->snap_length;
	failed = cut_frame(ctx, packet, plan->ip_offset + plan->ip_length);
	if (failed)
		return failed;
	return device->flags & DEVICE_IPV6 ? put_frame_outer6(ctx, plan, intercept, device, route)
					   : put_frame_outer4(ctx, plan->ip_offset, plan->direction, plan->ip_length, intercept, route);
}

#endif
