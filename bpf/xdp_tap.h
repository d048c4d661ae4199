/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* A node that is fed by a SPAN port or an optical tap: the frames themselves are the copies. */
#ifndef SUBMIRROR_XDP_TAP_H
#define SUBMIRROR_XDP_TAP_H

/* What XDP cannot do with a frame, tap_ingress at tc can: it gets the frame unchanged. */
#define LEAVE_TO_TC XDP_PASS

/* True where one copy through XDP is all that the intercept needs. */
static __always_inline bool simple(const struct intercept *intercept, const struct mediation_device *device)
{
	return !intercept->drop_policy && !intercept->bytes_per_second && !(device->flags & DEVICE_UDP_CHECKSUM) &&
	       !only_through_stack(device);
}

static __always_inline int send_tapped(struct xdp_md *ctx, const struct packet *packet, __u32 index)
{
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &index);
	const struct mediation_device *device;
	const struct route *route;
	__u64 now = recent_ns();
	struct plan plan = {
		.intercept = index,
		.direction = packet->direction,
		.ip_offset = packet->ip_offset,
		.ip_length = packet->length,
		.packets = 1,
	};
	int failed;

	if (!intercept)
		return LEAVE_TO_TC;
	if (!due(intercept, packet, now))
		return XDP_DROP;
	device = bpf_map_lookup_elem(&mediation_devices, &intercept->device);
	if (!device || !simple(intercept, device))
		return LEAVE_TO_TC;
	route = route_to(ctx, intercept->device, device, now);
	if (!route || !route->ifindex || largest_datagram(intercept, device, packet) > route->mtu ||
	    !bpf_map_lookup_elem(&mediation_ports, &route->ifindex))
		return LEAVE_TO_TC;
	__builtin_memcpy(plan.source_mac, route->source_mac, ETH_ALEN);
	__builtin_memcpy(plan.destination_mac, route->destination_mac, ETH_ALEN);
	failed = encapsulate_frame(ctx, &plan, intercept, device);
	if (failed) {
		count_lost_copy(index, failed - 1, 1);
		return XDP_DROP;
	}
	count_mirrored(index, packet->direction, 1, plan.ip_length);
	count_by_xdp(1);
	return bpf_redirect_map(&mediation_ports, route->ifindex, XDP_DROP);
}

/* Frames that are not IP go on to the node; IP that nobody is to mirror ends here: it is somebody else's. */
static __always_inline int tap(struct xdp_md *ctx)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	struct selection from = {}, to = {};
	struct packet packet = {};
	__u32 vlan_id;

	if (!config || config->flags & CONFIG_LINKS || !find_ip(ctx, &packet, &vlan_id))
		return LEAVE_TO_TC;
	packet.zone = zone_of(ctx->ingress_ifindex, config);
	if (!read_ip(ctx, DIRECTION_TO, &packet))
		return LEAVE_TO_TC;
	match_address(config, &packet, &to);
	if (!read_ip(ctx, DIRECTION_FROM, &packet))
		return LEAVE_TO_TC;
	match_address(config, &packet, &from);
	if (from.count + to.count == 0)
		return XDP_DROP;
	if (from.count + to.count > 1)
		return LEAVE_TO_TC;
	if (to.count)
		read_ip(ctx, DIRECTION_TO, &packet);
	return send_tapped(ctx, &packet, to.count ? to.intercept[0] : from.intercept[0]);
}

#endif
