/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Forwarding and mirroring at once: an original that is under intercept is routed here as the kernel would route it,
 * and broadcast to its next hop and to the mediation interface, where a program at the devmap entry makes the copy
 * out of it. Whatever is not plain goes on to the stack unchanged, and tc mirrors it there.
 *
 * The kernel collects redirected frames by device and runs the program of the first one's devmap entry on all of
 * them. So there is one program and one copy, and no original is ever sent by an interface that copies leave by.
 */
#ifndef SUBMIRROR_XDP_FORWARD_H
#define SUBMIRROR_XDP_FORWARD_H

#define LEAVE_TO_STACK XDP_PASS
#define COPY_NOTE_MAGIC 0x5b

/* In the frame's metadata: what the program at the devmap entry needs. */
struct frame_note {
	__u8 magic;
	__u8 direction;
	__u8 ip_offset;
	__u8 ttl;         /* that the copy has */
	__u32 intercept;
	__sum16 checksum; /* of the IPv4 header, that the copy has */
	__u16 reserved;
};

/* What is known of an original before anything about it is changed. */
struct original {
	struct packet packet;
	struct selection selection;
	__u32 vlan_id;
	__u32 intercept;
	__u32 mediation_ifindex;
};

/* True where the kernel would do nothing but route it: no options, time to live, not to a group or on the link only. */
static __always_inline bool plain4(const struct iphdr *ip)
{
	return ip->ihl == 5 && ip->ttl > 1 && (ip->daddr & bpf_htonl(0xf0000000)) != bpf_htonl(0xe0000000) &&
	       ip->daddr != 0xffffffff && (ip->daddr & bpf_htonl(0xffff0000)) != bpf_htonl(0xa9fe0000);
}

static __always_inline bool link_local6(const struct in6_addr *address)
{
	return address->s6_addr[0] == 0xfe && (address->s6_addr[1] & 0xc0) == 0x80;
}

static __always_inline bool plain6(const struct ipv6hdr *ip)
{
	return ip->hop_limit > 1 && ip->nexthdr != IPPROTO_HOPOPTS && ip->nexthdr != IPPROTO_ROUTING &&
	       ip->daddr.s6_addr[0] != 0xff && !link_local6(&ip->daddr) && !link_local6(&ip->saddr);
}

/* The kernel's route for the original; false for each of its refusals. `lookup->ifindex` holds the way in, then out. */
static __always_inline bool find_next_hop(struct xdp_md *ctx, const struct packet *packet,
					  struct bpf_fib_lookup *lookup)
{
	struct ipv6hdr *v6;
	struct iphdr *v4;

	lookup->tot_len = packet->length;
	if (packet->ip_version == 4) {
		v4 = frame_at(ctx, packet->ip_offset, sizeof(*v4));
		if (!v4 || !plain4(v4))
			return false;
		lookup->family = AF_INET;
		lookup->tos = v4->tos;
		lookup->l4_protocol = v4->protocol;
		lookup->ipv4_src = v4->saddr;
		lookup->ipv4_dst = v4->daddr;
	} else {
		v6 = frame_at(ctx, packet->ip_offset, sizeof(*v6));
		if (!v6 || !plain6(v6))
			return false;
		lookup->family = AF_INET6;
		lookup->flowinfo = *(__be32 *)v6 & bpf_htonl(0x0fffffff);
		lookup->l4_protocol = v6->nexthdr;
		__builtin_memcpy(lookup->ipv6_src, &v6->saddr, 16);
		__builtin_memcpy(lookup->ipv6_dst, &v6->daddr, 16);
	}
	return bpf_fib_lookup(ctx, lookup, sizeof(*lookup), 0) == BPF_FIB_LKUP_RET_SUCCESS;
}

/* Finds the one copy that is due now. False where none is or several are, or it needs what XDP cannot do. */
static __always_inline bool one_copy(struct xdp_md *ctx, struct original *original)
{
	__u64 now = recent_ns();
	bool found = false;

	for (__u32 i = 0; i < MAX_COPIES; i++) {
		const struct mediation_device *device;
		const struct intercept *intercept;
		const struct route *route;
		__u32 index;

		if (i >= original->selection.count)
			break;
		index = original->selection.intercept[i];
		intercept = bpf_map_lookup_elem(&intercepts, &index);
		if (!intercept)
			return false;
		if (!due(intercept, &original->packet, now))
			continue;
		device = bpf_map_lookup_elem(&mediation_devices, &intercept->device);
		if (!device || !simple(intercept, device) || found)
			return false;
		route = route_to(ctx, intercept->device, device, now);
		if (!route || !route->ifindex ||
		    largest_datagram(intercept, device, &original->packet) > route->mtu)
			return false;
		original->mediation_ifindex = route->ifindex;
		original->intercept = index;
		found = true;
	}
	return found;
}

/* Puts the note into the frame's metadata. False where the driver has no room for it; the frame is as it was. */
static __always_inline bool leave_note(struct xdp_md *ctx, const struct original *original)
{
	const struct packet *packet = &original->packet;
	struct frame_note *note;
	struct ipv6hdr *v6;
	struct iphdr *v4;

	if (bpf_xdp_adjust_meta(ctx, -(int)sizeof(*note)))
		return false;
	note = frame_metadata(ctx);
	if ((void *)(note + 1) > frame_start(ctx))
		return false;
	note->magic = COPY_NOTE_MAGIC;
	note->direction = packet->direction;
	note->intercept = original->intercept;
	note->reserved = 0;
	if (packet->ip_version == 4) {
		v4 = frame_at(ctx, packet->ip_offset, sizeof(*v4));
		if (!v4)
			return false;
		note->ttl = v4->ttl;
		note->checksum = v4->check;
	} else {
		v6 = frame_at(ctx, packet->ip_offset, sizeof(*v6));
		if (!v6)
			return false;
		note->ttl = v6->hop_limit;
		note->checksum = 0;
	}
	return true;
}

/* RFC 1624: the checksum of the header after its TTL went down by one. */
static __always_inline void count_down_ttl(struct iphdr *ip)
{
	__u32 check = ip->check;

	check += bpf_htons(0x0100);
	ip->check = (__sum16)(check + (check >= 0xffff));
	ip->ttl--;
}

static __always_inline __u32 link_bytes_of(__u32 tag)
{
	return ETH_HLEN + (tag ? VLAN_HEADER_BYTES : 0);
}

/* Room for the egress's link layer. False where the driver has none; the frame is as it was. */
static __always_inline bool resize_link_layer(struct xdp_md *ctx, const struct packet *packet, __u32 tag)
{
	int delta = (int)packet->ip_offset - (int)link_bytes_of(tag);

	return !delta || !bpf_xdp_adjust_head(ctx, delta);
}

/*
 * Makes the frame what the next hop gets. `tag`: the egress VLAN, 0 for none. The note follows: a copy to the
 * subscriber is of what the subscriber gets, TTL included. False never comes: the verifier wants each bound tested.
 */
static __always_inline bool rewrite(struct xdp_md *ctx, const struct packet *packet,
				    const struct bpf_fib_lookup *lookup, __u32 tag)
{
	__u32 link_bytes = link_bytes_of(tag);
	struct frame_note *note;
	struct ethhdr *ethernet;
	struct ipv6hdr *v6;
	struct iphdr *v4;
	__be16 *vlan;

	note = frame_metadata(ctx);
	ethernet = frame_at(ctx, 0, ETH_HLEN);
	if (!ethernet || (void *)(note + 1) > frame_start(ctx))
		return false;
	note->ip_offset = link_bytes;
	__builtin_memcpy(ethernet->h_dest, lookup->dmac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, lookup->smac, ETH_ALEN);
	ethernet->h_proto = packet->ip_version == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	if (tag) {
		vlan = frame_at(ctx, ETH_HLEN, VLAN_HEADER_BYTES);
		if (!vlan)
			return false;
		vlan[0] = bpf_htons(tag);
		vlan[1] = ethernet->h_proto;
		ethernet->h_proto = bpf_htons(ETH_P_8021Q);
	}
	if (packet->ip_version == 4) {
		v4 = frame_at(ctx, link_bytes, sizeof(*v4));
		if (!v4)
			return false;
		count_down_ttl(v4);
		if (packet->direction == DIRECTION_TO) {
			note->ttl = v4->ttl;
			note->checksum = v4->check;
		}
		return true;
	}
	v6 = frame_at(ctx, link_bytes, sizeof(*v6));
	if (!v6)
		return false;
	v6->hop_limit--;
	if (packet->direction == DIRECTION_TO)
		note->ttl = v6->hop_limit;
	return true;
}

/* The interface that the frame came in by as routing sees it: a tagged frame comes in by the VLAN's. 0: none known. */
static __always_inline __u32 routed_ingress(struct xdp_md *ctx, __u32 vlan_id)
{
	struct vlan_place place = { .device_ifindex = ctx->ingress_ifindex, .vlan_id = vlan_id };
	__u32 *ifindex;

	if (!vlan_id)
		return ctx->ingress_ifindex;
	ifindex = bpf_map_lookup_elem(&vlan_interfaces, &place);
	return ifindex ? *ifindex : 0;
}

/*
 * Where to send original and copy. There is no such map where an interface takes no redirected frames, or tc must see what
 * leaves by it. A VLAN interface is its device and a tag.
 */
static __always_inline void *find_fan_out(struct fan_out_key *way, __u32 *tag)
{
	void *fan_out = bpf_map_lookup_elem(&fan_outs, way);
	struct vlan_place *place;

	if (fan_out)
		return fan_out;
	place = bpf_map_lookup_elem(&vlan_places, &way->next_hop_ifindex);
	if (!place)
		return NULL;
	*tag = place->vlan_id;
	way->next_hop_ifindex = place->device_ifindex;
	return bpf_map_lookup_elem(&fan_outs, way);
}

static __always_inline int forward(struct xdp_md *ctx, __u32 direction)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	struct original original = {};
	struct bpf_fib_lookup lookup = {};
	struct fan_out_key way = {};
	__u32 tag = 0;
	void *fan_out;

	if (!config || !config->flags || config->flags & CONFIG_LINKS || !find_ip(ctx, &original.packet, &original.vlan_id))
		return LEAVE_TO_STACK;
	lookup.ifindex = routed_ingress(ctx, original.vlan_id);
	if (!lookup.ifindex || !read_ip(ctx, direction, &original.packet))
		return LEAVE_TO_STACK;
	original.packet.zone = zone_of(lookup.ifindex, config);
	match_address(config, &original.packet, &original.selection);
	if (!original.selection.count || original.selection.refused)
		return LEAVE_TO_STACK;
	if (!one_copy(ctx, &original) || !find_next_hop(ctx, &original.packet, &lookup))
		return LEAVE_TO_STACK;
	way.direction = direction;
	way.next_hop_ifindex = lookup.ifindex;
	way.mediation_ifindex = original.mediation_ifindex;
	fan_out = find_fan_out(&way, &tag);
	if (!fan_out || !leave_note(ctx, &original))
		return LEAVE_TO_STACK;
	if (!resize_link_layer(ctx, &original.packet, tag))
		return LEAVE_TO_STACK;
	if (!rewrite(ctx, &original.packet, &lookup, tag))
		return XDP_ABORTED;
	return bpf_redirect_map(fan_out, 0, BPF_F_BROADCAST);
}

/* At the devmap entry of a mediation interface. Here and only here the frame is a copy. */
static __always_inline int make_copy(struct xdp_md *ctx)
{
	struct frame_note *note = frame_metadata(ctx);
	const struct mediation_device *device;
	const struct intercept *intercept;
	struct route *route;
	struct packet packet = {};
	struct plan plan = {};
	struct ipv6hdr *v6;
	struct iphdr *v4;
	int failed;

	if ((void *)(note + 1) > frame_start(ctx) || note->magic != COPY_NOTE_MAGIC) {
		count_drop(DROP_NOT_TAKEN, 1);
		return XDP_DROP;
	}
	plan.intercept = note->intercept;
	plan.direction = note->direction & 1;
	plan.packets = 1;
	intercept = bpf_map_lookup_elem(&intercepts, &plan.intercept);
	device = intercept ? bpf_map_lookup_elem(&mediation_devices, &intercept->device) : NULL;
	route = device ? bpf_map_lookup_elem(&routes, &intercept->device) : NULL;
	v4 = frame_at(ctx, note->ip_offset, sizeof(*v4));
	if (!route || !v4) {
		count_lost_copy(plan.intercept, DROP_STALE_INTERCEPT, 1);
		return XDP_DROP;
	}
	plan.ip_offset = note->ip_offset;
	if (v4->version == 4) {
		v4->ttl = note->ttl;
		v4->check = note->checksum;
		plan.ip_length = bpf_ntohs(v4->tot_len);
	} else {
		v6 = (struct ipv6hdr *)v4;
		v6->hop_limit = note->ttl;
		plan.ip_length = bpf_ntohs(v6->payload_len) + IPV6_HEADER_BYTES;
	}
	packet.frame_bytes = frame_end(ctx) - frame_start(ctx);
	/* The metadata would lie where the outer headers go; nobody needs it any more. */
	bpf_xdp_adjust_meta(ctx, sizeof(struct frame_note));
	failed = encapsulate_frame(ctx, &packet, &plan, intercept, device, route);
	if (failed) {
		count_lost_copy(plan.intercept, failed - 1, 1);
		return XDP_DROP;
	}
	count_by_xdp(plan.intercept, plan.direction, plan.ip_length);
	return XDP_PASS;
}

#endif
