/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* One matched packet, one intercept: is a copy due now, which way does it go, and did it leave. */
#ifndef SUBMIRROR_MIRROR_H
#define SUBMIRROR_MIRROR_H

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
	__u32 zero = 0;

	return bpf_map_lookup_elem(&handovers, &zero);
}

/*
 * The usual copy, by the shortest way: a single packet behind nothing but an Ethernet header, all of it, to a known
 * neighbour that gets IPv4 without a checksum. Its header is made here, from what the route holds ready. False where
 * it is not one of these.
 */
static __always_inline bool is_usual(struct __sk_buff *skb, const struct packet *packet,
				     const struct intercept *intercept, const struct mediation_device *device)
{
	return !skb->gso_size && !skb->vlan_present && packet->link_bytes && packet->ip_offset == ETH_HLEN &&
	       skb->len == ETH_HLEN + packet->length && !intercept->snap_length &&
	       !(device->flags & (DEVICE_IPV6 | DEVICE_STACK_ONLY | DEVICE_IPSEC | DEVICE_UDP_CHECKSUM));
}

static __always_inline int send_usual(struct __sk_buff *skb, const struct packet *packet, __u32 index,
				      const struct intercept *intercept, struct route *route)
{
	struct handover *slot = own_slot();
	int failed;

	if (!slot)
		return FAILED(DROP_CLONE);
	put_prepared4(slot->outer4, route);
	complete_outer4(slot->outer4, route, intercept, packet->direction, packet->length);
	slot->through_stack = 0;
	failed = hand_over(skb, route->ifindex, slot, ORDER_PREPARED);
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
	if (is_usual(skb, packet, intercept, device) && route->ifindex && packet->length + OUTER4_BYTES <= route->mtu)
		return send_usual(skb, packet, index, intercept, route);
	return send_any(skb, packet, index, intercept, device, route, now);
}

/* Sends the copy that the intercept is due, or counts why not. */
SUBPROGRAM int mirror(struct __sk_buff *skb, const struct packet *packet, __u32 index)
{
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &index);
	__u64 now = recent_ns();
	int failed = 0;

	if (!packet)
		return 0;
	if (!intercept) {
		count_lost_copy(index, DROP_STALE_INTERCEPT, packet->packets);
		return 0;
	}
	if (!due(intercept, packet, now))
		return 0;
	if (intercept->drop_policy && excluded(skb, packet, intercept->drop_policy)) {
		count_excluded(index, packet->packets);
		return 0;
	}
	if (intercept->bytes_per_second &&
	    !within_rate(intercept, index, bytes_to_leave(intercept, packet), precise_ns()))
		failed = FAILED(DROP_RATE);
	if (!failed)
		failed = send_copy(skb, packet, index, intercept, now);
	if (failed)
		count_lost_copy(index, failed - 1, packet->packets);
	return 0;
}

/* A copy on its way out must not be taken for the subscriber's traffic where their prefixes overlap. */
static __always_inline bool is_own_copy(struct __sk_buff *skb, const struct config *config)
{
	const struct handover *slot = own_slot();

	return (slot && slot->busy) || came_through_stack(skb, config);
}

/* What mirror_any() does with most packets, in fewer steps: IPv4, untagged, under one intercept. False: it is not such. */
static __always_inline bool mirror_usual(struct __sk_buff *skb, const struct config *config, __u32 direction,
					 __u32 link_bytes)
{
	const struct iphdr *ip = (void *)(long)skb->data + link_bytes;
	const struct targets *targets;
	struct host4_key key = {};

	if (config->flags & (CONFIG_LINKS | CONFIG_PREFIXES4) || skb->protocol != bpf_htons(ETH_P_IP) ||
	    (void *)(ip + 1) > (void *)(long)skb->data_end || ip->version != 4)
		return false;
	key.zone = zone_of(skb->ifindex, config);
	key.address = direction == DIRECTION_FROM ? ip->saddr : ip->daddr;
	if (!may_be_host4(config, &key))
		return true;
	if (direction == DIRECTION_TO && is_own_copy(skb, config))
		return true;
	targets = bpf_map_lookup_elem(&hosts4, &key);
	if (!targets)
		return true;
	if (targets->count == 1) {
		struct packet packet = {
			.direction = direction,
			.link_bytes = link_bytes,
			.ip_offset = link_bytes,
			.ip_version = 4,
			.zone = key.zone,
			.address4 = key.address,
		};

		note_header(&packet, ip->ihl * 4, bpf_ntohs(ip->tot_len), ip->protocol);
		measure(skb, &packet);
		mirror(skb, &packet, targets->intercept[0]);
		return true;
	}
	return false;
}

static __always_inline void mirror_any(struct __sk_buff *skb, const struct config *config, __u32 direction,
				       __u32 link_bytes)
{
	struct selection selection = {};
	struct packet packet = { .direction = direction, .link_bytes = link_bytes };

	if (is_nobodys(skb, config, direction, link_bytes))
		return;
	if (direction == DIRECTION_TO && is_own_copy(skb, config))
		return;
	parse(skb, &packet);
	if (!match(skb, config, &packet, &selection))
		return;
	measure(skb, &packet);
	for (__u32 i = 0; i < MAX_COPIES; i++) {
		if (i >= selection.count)
			break;
		mirror(skb, &packet, selection.intercept[i]);
	}
	if (selection.refused)
		count_drop(DROP_TOO_MANY_COPIES, (__u64)selection.refused * packet.packets);
}

/* Mirrors a packet on an access interface. The packet itself is only read. */
static __always_inline void mirror_packet(struct __sk_buff *skb, __u32 direction, __u32 link_bytes)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);

	if (config && config->flags && !mirror_usual(skb, config, direction, link_bytes))
		mirror_any(skb, config, direction, link_bytes);
}

#endif
