/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One packet, one intercept that is due a copy: which way does it go, and did it leave. */
#ifndef SUBMIRROR_SEND_H
#define SUBMIRROR_SEND_H

/* True where the copy has to be made out of single packets whose own checksums are complete. */
static __always_inline bool needs_single_packets(struct __sk_buff *skb, const struct intercept *intercept,
						 const struct mediation_device *device, const struct packet *packet)
{
	if (device->flags & DEVICE_UDP_CHECKSUM)
		return true;
	/* A checksum that the hardware completes must be complete before what it covers is cut off. */
	if (intercept->snap_length && (skb->gso_size || intercept->snap_length < packet->largest))
		return true;
	return must_be_cut_first(skb, packet);
}

/*
 * Hands a copy to the program at the egress of `ifindex`, which finds in `slot` what to do. Returns 0, or
 * drop_reason + 1. A copy that goes through the stack is counted behind the helper pair: `slot->through_stack` is set.
 */
static __always_inline int hand_over(struct __sk_buff *skb, __u32 ifindex, struct handover *slot, enum order order)
{
	long failed;

	slot->armed = order;
	slot->busy = 1;
	failed = bpf_clone_redirect(skb, ifindex, 0);
	slot->busy = 0;
	if (slot->armed) {
		slot->armed = 0;
		return FAILED(failed ? DROP_CLONE : DROP_NOT_TAKEN);
	}
	if (slot->outcome)
		return slot->outcome;
	/* What the helper pair's queue drops, its device counts, also where it is part of a super-packet. */
	return failed && !slot->through_stack ? FAILED(DROP_CLONE) : 0;
}

static __always_inline struct handover *own_slot(void)
{
	struct cpu *cpu = own_cpu();

	return cpu ? &cpu->handover : NULL;
}

/* A copy whose header is made here, from what the route holds ready, and only put in front of it there. */
static __always_inline int send_prepared(struct __sk_buff *skb, struct handover *slot, struct route *route,
					 const struct intercept *intercept, __u32 direction, __u32 length)
{
	slot->ip_length = length;
	put_prepared4(slot->outer4, route);
	complete_outer4(slot->outer4, route, intercept, direction, length);
	slot->through_stack = 0;
	return hand_over(skb, route->ifindex, slot, ORDER_PREPARED);
}

/*
 * The usual copy, by the shortest way: a single packet behind nothing but an Ethernet header, all of it, to a known
 * neighbour that gets IPv4 without a checksum. False where it is not one of these.
 */
static __always_inline bool is_usual(struct __sk_buff *skb, const struct packet *packet,
				     const struct intercept *intercept, const struct mediation_device *device,
				     const struct route *route)
{
	return !skb->gso_size && !skb->vlan_present && packet->link_bytes && packet->ip_offset == ETH_HLEN &&
	       !intercept->snap_length && goes_as_usual(device, route, packet->length);
}

static __always_inline int send_usual(struct __sk_buff *skb, const struct packet *packet, __u32 index,
				      const struct intercept *intercept, struct route *route)
{
	struct handover *slot = own_slot();
	int failed;

	if (!slot)
		return FAILED(DROP_CLONE);
	failed = send_prepared(skb, slot, route, intercept, packet->direction, packet->length);
	if (!failed)
		count_mirrored(index, packet->direction, 1, packet->length);
	return failed;
}

/* Any copy, by the way that it needs. Returns 0, or drop_reason + 1. */
static __always_inline int send_any(struct __sk_buff *skb, const struct packet *packet, __u32 index,
				    const struct intercept *intercept, const struct mediation_device *device,
				    struct route *route, __u64 now)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	struct handover *slot = own_slot();
	bool oversize;
	__u32 ifindex;
	int failed;

	if (!config || !slot)
		return FAILED(DROP_CLONE);
	if (neighbour_is_away(route, now))
		return FAILED(DROP_NO_NEIGHBOUR);
	oversize = route->mtu && largest_datagram(intercept, device, packet) > route->mtu;
	if (oversize && device->flags & DEVICE_NO_FRAGMENTS)
		return FAILED(DROP_OVERSIZE);
	slot->intercept = index;
	slot->direction = packet->direction;
	slot->ip_offset = packet->ip_offset;
	slot->ip_length = packet->length;
	slot->packets = packet->packets;
	slot->protocol = packet->ip_version == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	slot->through_stack = oversize || !route->ifindex || only_through_stack(device) ||
			      needs_single_packets(skb, intercept, device, packet);
	ifindex = slot->through_stack ? config->stack_out_ifindex : route->ifindex;
	if (!packet->link_bytes)
		ifindex = config->springboard_ifindex;
	failed = hand_over(skb, ifindex, slot, ORDER_ENCAPSULATE);
	if (!failed && !slot->through_stack)
		count_mirrored(index, packet->direction, packet->packets, bytes_to_leave(intercept, packet));
	return failed;
}

/* Chooses the way and hands the copy over. Returns 0, or drop_reason + 1. */
static __always_inline int send_copy(struct __sk_buff *skb, const struct packet *packet, __u32 index,
				     const struct intercept *intercept, __u64 now)
{
	const struct mediation_device *device = bpf_map_lookup_elem(&mediation_devices, &intercept->device);
	struct route *route;

	if (!device)
		return FAILED(DROP_NO_ROUTE);
	route = route_to(skb, intercept->device, device, now);
	if (!route)
		return FAILED(DROP_NO_ROUTE);
	if (is_usual(skb, packet, intercept, device, route))
		return send_usual(skb, packet, index, intercept, route);
	return send_any(skb, packet, index, intercept, device, route, now);
}

#endif
