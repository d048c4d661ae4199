/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A copy becomes a datagram for the mediation device: the link layer in front of its IP header is taken off, an
 * Ethernet header, the outer IP and UDP headers and the 8-byte shim are put on. Only ever called on a copy.
 * Returns 0, or drop_reason + 1.
 */
#ifndef SUBMIRROR_ENCAPSULATE_H
#define SUBMIRROR_ENCAPSULATE_H

/* Takes the tags off; `link_bytes` is then what is left in front of the IP header. */
static __always_inline int take_off_tags(struct __sk_buff *skb, __u32 *link_bytes)
{
	/* As many as parse() steps over, and one in the metadata. */
	for (int tag = 0; tag <= MAX_VLAN_TAGS; tag++) {
		bool in_metadata = skb->vlan_present;

		if (!in_metadata && !is_vlan(skb->protocol))
			break;
		if (bpf_skb_vlan_pop(skb))
			return FAILED(DROP_LINK_LAYER);
	}
	/* What was popped out of the packet, and what the kernel moved into the metadata meanwhile, is gone. */
	*link_bytes = skb->protocol == bpf_htons(ETH_P_PPP_SES) ? ETH_HLEN + PPPOE_SESSION_BYTES : ETH_HLEN;
	return 0;
}

/* Leaves `plan->ip_length` bytes of the IP packet: no link-layer padding, and no more than the snap length. */
static __always_inline int trim(struct __sk_buff *skb, const struct plan *plan)
{
	__u32 length = plan->ip_offset + plan->ip_length;

	if (skb->gso_size || skb->len <= length)
		return 0;
	return bpf_skb_change_tail(skb, length, 0) ? FAILED(DROP_TRIM) : 0;
}

static __always_inline __u64 encapsulation_flags(bool ipv6)
{
	return BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | ADJ_ROOM_ENCAP_L2(SHIM_BYTES) |
	       (ipv6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4);
}

/*
 * Room for the outer headers in front of the IP header; what is left of the link layer there is used too. The kernel
 * is told of the tunnel, so that it cuts super-packets and completes checksums behind our headers, except where it
 * cannot be: it does not know an IP header behind PPPoE, and takes no second tunnel around the subscriber's own.
 */
static __always_inline int make_room(struct __sk_buff *skb, bool ipv6, __u32 link_bytes, bool single)
{
	__u32 bytes = ipv6 ? OUTER6_BYTES : OUTER4_BYTES;
	bool tell = !single && link_bytes == ETH_HLEN;

	if (tell && !bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, encapsulation_flags(ipv6)))
		return 0;
	if (skb->gso_size)
		return link_bytes == ETH_HLEN ? FAILED(DROP_GROW) : FAILED(DROP_LINK_LAYER);
	return bpf_skb_change_head(skb, ETH_HLEN + bytes - link_bytes, 0) ? FAILED(DROP_GROW) : 0;
}

static __always_inline int put_outer4(struct __sk_buff *skb, const struct plan *plan, const struct intercept *intercept,
				      const struct mediation_device *device)
{
	struct outer4 outer = {};

	fill_outer4(&outer, plan, intercept, device);
	return bpf_skb_store_bytes(skb, 0, &outer, sizeof(outer), 0) ? FAILED(DROP_STORE) : 0;
}

static __always_inline int put_outer6(struct __sk_buff *skb, const struct plan *plan, const struct intercept *intercept,
				      const struct mediation_device *device)
{
	struct outer6 outer = {};

	fill_outer6(&outer, plan, intercept, device);
	return bpf_skb_store_bytes(skb, 0, &outer, sizeof(outer), 0) ? FAILED(DROP_STORE) : 0;
}

/* Puts a header in front that has been made already. Only for a copy with nothing but Ethernet before its IP header. */
static __always_inline int put_prepared(struct __sk_buff *skb, const struct handover *order)
{
	__u64 flags = sums_are_complete(skb) ? 0 : encapsulation_flags(false);
	__u32 length = ETH_HLEN + order->ip_length;

	if (skb->len > length && bpf_skb_change_tail(skb, length, 0))
		return FAILED(DROP_TRIM);
	if (bpf_skb_adjust_room(skb, OUTER4_BYTES, BPF_ADJ_ROOM_MAC, flags))
		return FAILED(DROP_GROW);
	return bpf_skb_store_bytes(skb, 0, order->outer4, sizeof(struct outer4), 0) ? FAILED(DROP_STORE) : 0;
}

SUBPROGRAM int encapsulate(struct __sk_buff *skb, struct plan *plan)
{
	const struct intercept *intercept;
	const struct mediation_device *device;
	__u32 link_bytes;
	int failed;

	if (!plan)
		return FAILED(DROP_STALE_INTERCEPT);
	intercept = bpf_map_lookup_elem(&intercepts, &plan->intercept);
	if (!intercept)
		return FAILED(DROP_STALE_INTERCEPT);
	device = bpf_map_lookup_elem(&mediation_devices, &intercept->device);
	if (!device)
		return FAILED(DROP_STALE_INTERCEPT);
	if (intercept->snap_length && plan->ip_length > intercept->snap_length)
		plan->ip_length = intercept->snap_length;
	failed = trim(skb, plan);
	if (!failed)
		failed = take_off_tags(skb, &link_bytes);
	if (!failed)
		failed = make_room(skb, device->flags & DEVICE_IPV6, link_bytes, plan->single);
	if (!failed)
		failed = device->flags & DEVICE_IPV6 ? put_outer6(skb, plan, intercept, device)
						     : put_outer4(skb, plan, intercept, device);
	if (!failed && device->flags & DEVICE_UDP_CHECKSUM)
		failed = put_udp_checksum(skb, plan->ip_length, device);
	return failed;
}

#endif
