/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One matched packet, one intercept: is a copy due now, which way does it go, and did it leave. */
#ifndef SUBMIRROR_MIRROR_H
#define SUBMIRROR_MIRROR_H

static __always_inline bool due(const struct intercept *intercept, __u32 direction, __u64 now)
{
	__u32 wanted = direction == DIRECTION_FROM ? INTERCEPT_FROM : INTERCEPT_TO;

	return intercept->flags & INTERCEPT_ACTIVE && intercept->flags & wanted && now >= intercept->not_before_ns &&
	       now < intercept->not_after_ns;
}

/* Hands a copy to the program at the egress of `ifindex`. Returns 0, or drop_reason + 1. */
static __always_inline int hand_over(struct __sk_buff *skb, __u32 ifindex, const struct handover *order)
{
	__u32 zero = 0;
	struct handover *slot = bpf_map_lookup_elem(&handovers, &zero);
	long failed;

	if (!slot)
		return FAILED(DROP_CLONE);
	*slot = *order;
	slot->armed = 1;
	slot->busy = 1;
	failed = bpf_clone_redirect(skb, ifindex, 0);
	slot->busy = 0;
	if (slot->armed) {
		slot->armed = 0;
		return FAILED(failed ? DROP_CLONE : DROP_NOT_TAKEN);
	}
	if (slot->outcome)
		return slot->outcome;
	return failed ? FAILED(DROP_CLONE) : 0;
}

static __noinline int mirror(struct __sk_buff *skb, const struct extent *extent, __u32 ip_offset, __u32 index,
			     __u32 direction)
{
	__u32 zero = 0;
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &index);
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	const struct mediation_device *device;
	struct route *route;
	struct handover order = {};
	__u64 now = bpf_ktime_get_boot_ns();
	bool oversize;
	int failed;

	if (!extent || !config)
		return 0;
	if (!intercept) {
		count_lost_copy(index, DROP_STALE_INTERCEPT, extent->packets);
		return 0;
	}
	if (!due(intercept, direction, now))
		return 0;
	device = bpf_map_lookup_elem(&mediation_devices, &intercept->device);
	route = device ? route_to(skb, intercept->device, device, now) : NULL;
	if (!route) {
		count_lost_copy(index, DROP_NO_ROUTE, extent->packets);
		return 0;
	}
	oversize = route->mtu && extent->largest + outer_bytes(device) > route->mtu;
	if (oversize && device->flags & DEVICE_NO_FRAGMENTS) {
		count_lost_copy(index, DROP_OVERSIZE, extent->packets);
		return 0;
	}
	order.intercept = index;
	order.direction = direction;
	order.ip_offset = ip_offset;
	order.ip_length = extent->length;
	order.packets = extent->packets;
	order.through_stack = oversize || !route->ifindex;
	failed = hand_over(skb, order.through_stack ? config->stack_out_ifindex : route->ifindex, &order);
	if (failed) {
		count_lost_copy(index, failed - 1, extent->packets);
		return 0;
	}
	count_mirrored(index, direction, extent->packets, mirrored_bytes(extent));
	if (oversize)
		count_fragmented(extent->packets);
	return 0;
}

/* Mirrors a packet on an access interface. The packet itself is only read. */
static __always_inline void mirror_packet(struct __sk_buff *skb, __u32 direction, __u32 link_bytes)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	struct selection selection = {};
	struct parsed packet = {};
	struct extent extent;

	if (!config || !config->flags)
		return;
	parse(skb, direction, link_bytes, &packet);
	if (!match(skb, config, &packet, &selection))
		return;
	measure(skb, &packet, &extent);
	for (__u32 i = 0; i < MAX_COPIES; i++) {
		if (i >= selection.count)
			break;
		mirror(skb, &extent, packet.ip_offset, selection.intercept[i], direction);
	}
	if (selection.refused)
		count_drop(DROP_TOO_MANY_COPIES, (__u64)selection.refused * extent.packets);
}

#endif
