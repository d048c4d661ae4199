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
	struct route *route;
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
	if (!route || !route->ifindex || largest_datagram(intercept, device, packet) > route->mtu)
		return LEAVE_TO_TC;
	/* Before anything about the frame changes: it says whether the interface takes redirected frames. */
	if (bpf_redirect_map(&mediation_ports, route->ifindex, LEAVE_TO_TC) != XDP_REDIRECT)
		return LEAVE_TO_TC;
	failed = encapsulate_frame(ctx, packet, &plan, intercept, device, route);
	if (failed) {
		count_lost_copy(index, failed - 1, 1);
		return XDP_DROP;
	}
	count_by_xdp(index, packet->direction, plan.ip_length);
	return XDP_REDIRECT;
}

/* No verdict: the frame is to be looked at by the general way. */
#define NOT_USUAL -1

/* What send_tapped() does, for a frame that is as plain as its copy (plain.h). NOT_USUAL where it is not; nothing was done then. */
static __always_inline int tap_plain(struct xdp_md *ctx, __u32 direction, __be32 address, __u32 length, __u32 padding,
				     __u32 index)
{
	struct plain_copy copy;
	int failed;

	if (!find_plain(&copy, index, direction, address, length))
		return NOT_USUAL;
	/* Before anything about the frame changes: it says whether the interface takes redirected frames. */
	if (bpf_redirect_map(&mediation_ports, copy.route->ifindex, LEAVE_TO_TC) != XDP_REDIRECT)
		return LEAVE_TO_TC;
	failed = padding && bpf_xdp_adjust_tail(ctx, -(int)padding) ? FAILED(DROP_TRIM) : 0;
	if (!failed)
		failed = put_frame_outer4(ctx, ETH_HLEN, direction, length, copy.intercept, copy.route);
	if (failed) {
		count_lost_copy(index, failed - 1, 1);
		return XDP_DROP;
	}
	copy.cpu->totals.by_xdp++;
	count_plain(&copy, direction, length);
	return XDP_REDIRECT;
}

/* What tap_any() does with most frames, in fewer steps: IPv4 behind nothing but Ethernet, one end under one intercept. */
static __always_inline int tap_usual(struct xdp_md *ctx, const struct config *config)
{
	__u32 frame_bytes = bpf_xdp_get_buff_len(ctx);
	void *frame = frame_at(ctx, 0, ETH_HLEN + IPV4_HEADER_BYTES);
	const struct iphdr *ip = frame + ETH_HLEN;
	const struct targets *targets;
	struct host4_key source, destination;
	const struct host4_key *key;
	__u32 length, flags = config->flags;
	bool from;

	if (flags & (CONFIG_LINKS | CONFIG_PREFIXES4) || !frame ||
	    *(const __be16 *)(frame + offsetof(struct ethhdr, h_proto)) != bpf_htons(ETH_P_IP) || ip->version != 4 ||
	    ip->ihl != 5 || frame_end(ctx) - frame_start(ctx) != frame_bytes)
		return NOT_USUAL;
	length = bpf_ntohs(ip->tot_len);
	if (length < IPV4_HEADER_BYTES || frame_bytes < ETH_HLEN + length)
		return NOT_USUAL;
	source.zone = destination.zone = zone_of(ctx->ingress_ifindex, config);
	source.address = ip->saddr;
	destination.address = ip->daddr;
	from = may_be_host4(config, &source);
	if (from == may_be_host4(config, &destination))
		return from ? NOT_USUAL : XDP_DROP;
	key = from ? &source : &destination;
	targets = bpf_map_lookup_elem(&hosts4, key);
	if (!targets)
		return XDP_DROP;
	if (targets->count != 1)
		return NOT_USUAL;
	return tap_plain(ctx, from ? DIRECTION_FROM : DIRECTION_TO, key->address, length,
			 frame_bytes - ETH_HLEN - length, targets->intercept[0]);
}

static __always_inline int tap_any(struct xdp_md *ctx, const struct config *config)
{
	struct selection from = {}, to = {};
	struct packet packet = {};
	__u32 vlan_id;

	if (config->flags & CONFIG_LINKS || !find_ip(ctx, &packet, &vlan_id))
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

/* Frames that are not IP go on to the node; IP that nobody is to mirror ends here: it is somebody else's. */
static __always_inline int tap(struct xdp_md *ctx)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	int verdict;

	if (!config)
		return LEAVE_TO_TC;
	verdict = tap_usual(ctx, config);
	return verdict == NOT_USUAL ? tap_any(ctx, config) : verdict;
}

#endif
