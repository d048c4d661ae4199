/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Forwarding and mirroring at once: an original that is under intercept is routed here as the kernel would route it,
 * and broadcast to its next hop and to the mediation interface, once for each copy; a program at the devmap entry
 * makes the copies (xdp_copies.h). Whatever is not plain goes on to the stack unchanged, and tc mirrors it there.
 */
#ifndef SUBMIRROR_XDP_FORWARD_H
#define SUBMIRROR_XDP_FORWARD_H

#define LEAVE_TO_STACK XDP_PASS

/*
 * The kernel's clone of a frame has one page, of which headroom and bookkeeping take up to a quarter; a frame that does
 * not fit would be lost, original and all.
 */
#define MAX_BROADCAST_BYTES 3072

/* An Ethernet header with or without a tag, in words: the compiler would read and write `struct ethhdr` byte by byte. */
struct link_layer {
	__be16 destination[3];
	__be16 source[3];
	__be16 protocol;
	__be16 tag;
	__be16 tagged_protocol;
};

static __always_inline void copy_mac(__be16 *to, const void *from)
{
	const __be16 *words = from;

	to[0] = words[0];
	to[1] = words[1];
	to[2] = words[2];
}

static __always_inline bool same_mac(const __be16 *a, const __be16 *b)
{
	return a[0] == b[0] && a[1] == b[1] && a[2] == b[2];
}

#define NOT_DUE 0
#define LEFT_TO_TC -1

/*
 * Where the copy for an intercept leaves: an ifindex, or one of the above. The packet is for no group: the stack gets
 * those. A few numbers in its place, since what a subprogram has a pointer to cannot be kept in registers.
 */
SUBPROGRAM int way_of_copy(struct xdp_md *ctx, __u32 index, __u32 direction, __u32 bytes)
{
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &index);
	struct packet packet = { .direction = direction, .ip_version = 4, .largest = bytes };
	const struct mediation_device *device;
	const struct route *route;
	__u64 now = recent_ns();

	if (!intercept)
		return LEFT_TO_TC;
	if (!due(intercept, &packet, now))
		return NOT_DUE;
	device = bpf_map_lookup_elem(&mediation_devices, &intercept->device);
	if (!device || !simple(intercept, device))
		return LEFT_TO_TC;
	route = route_to(ctx, intercept->device, device, now);
	/* The frame is queued whole, also where a snap length is to cut it. */
	if (!route || !route->ifindex || bytes > route->mtu || largest_datagram(intercept, device, &packet) > route->mtu)
		return LEFT_TO_TC;
	return route->ifindex;
}

/*
 * Leaves in `copies` those that are due now, and says where they leave: an ifindex; 0 where there are none, or tc has to
 * make one, or they leave by several interfaces. Then tc makes all of them.
 */
static __always_inline __u32 find_copies(struct xdp_md *ctx, const struct packet *packet, struct selection *copies)
{
	__u32 count = 0;
	int by = 0;

	for (__u32 i = 0; i < MAX_COPIES && i < copies->count; i++) {
		__u32 index = copies->intercept[i];
		int way = way_of_copy(ctx, index, packet->direction, payload_bytes(packet));

		if (way == NOT_DUE)
			continue;
		if (way == LEFT_TO_TC || (by && way != by))
			return 0;
		by = way;
		copies->intercept[count & (MAX_COPIES - 1)] = index;
		count++;
	}
	copies->count = count;
	return by;
}

/* Puts the note into the frame's metadata. False where the driver has no room for it; the frame is as it was. */
static __always_inline bool leave_note(struct xdp_md *ctx, const struct packet *packet, const struct selection *copies)
{
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
	note->intercept = copies->intercept[0];
	note->copies = copies->count;
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

	if (!delta || !bpf_xdp_adjust_head(ctx, delta))
		return true;
	bpf_xdp_adjust_meta(ctx, sizeof(struct frame_note));
	return false;
}

/*
 * Makes the frame what the next hop gets. `tag`: the egress VLAN, 0 for none. The note follows: a copy to the
 * subscriber is of what the subscriber gets, TTL included. False never comes: the verifier wants each bound tested.
 */
static __always_inline bool rewrite(struct xdp_md *ctx, const struct packet *packet,
				    const struct bpf_fib_lookup *lookup, __u32 tag)
{
	__u32 link_bytes = link_bytes_of(tag);
	__be16 protocol = packet->ip_version == 4 ? bpf_htons(ETH_P_IP) : bpf_htons(ETH_P_IPV6);
	struct frame_note *note = frame_metadata(ctx);
	struct link_layer *link = frame_at(ctx, 0, ETH_HLEN);
	struct ipv6hdr *v6;
	struct iphdr *v4;

	if (!link || (void *)(note + 1) > frame_start(ctx))
		return false;
	note->ip_offset = link_bytes;
	copy_mac(link->destination, lookup->dmac);
	copy_mac(link->source, lookup->smac);
	link->protocol = protocol;
	if (tag) {
		link = frame_at(ctx, 0, ETH_HLEN + VLAN_HEADER_BYTES);
		if (!link)
			return false;
		link->protocol = bpf_htons(ETH_P_8021Q);
		link->tag = bpf_htons(tag);
		link->tagged_protocol = protocol;
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

/* Several copies have a serial in place of the intercept. Nothing may fail any more: the original is about to leave. */
static __always_inline bool number_copies(struct xdp_md *ctx, const struct selection *copies)
{
	struct frame_note *note = frame_metadata(ctx);

	if (copies->count == 1)
		return true;
	if ((void *)(note + 1) > frame_start(ctx))
		return false;
	note->intercept = begin_broadcast(copies);
	return true;
}

static __always_inline const struct way_in *way_in_of(__u32 ifindex, __u32 vlan_id)
{
	struct vlan_place place = { .device_ifindex = ifindex, .vlan_id = vlan_id };
	const struct way_in *way;

	if (!vlan_id) {
		way = bpf_map_lookup_elem(&device_ways_in, &ifindex);
		if (way && way->ifindex)
			return way;
	}
	return bpf_map_lookup_elem(&ways_in, &place);
}

/*
 * The interface that the frame came in by as routing sees it: a tagged frame comes in by the VLAN's. NULL where the frame
 * is not for routing there, or not for XDP: tags of other kinds, and those that give nothing but a priority.
 */
static __always_inline const struct way_in *find_way_in(struct xdp_md *ctx, const struct packet *packet, __u32 vlan_id)
{
	const struct way_in *way = way_in_of(ctx->ingress_ifindex, vlan_id);
	const struct link_layer *link = frame_at(ctx, 0, ETH_HLEN);

	if (!way || !link || !same_mac(link->destination, way->mac))
		return NULL;
	if (packet->ip_offset != ETH_HLEN && (!vlan_id || link->protocol != bpf_htons(ETH_P_8021Q)))
		return NULL;
	return way;
}

/* To the subscriber, the zone is that of the interface to the subscriber: the same address in another is another's. */
static __always_inline bool in_zone(const struct packet *packet, __u32 zone_of_way_out)
{
	return packet->direction == DIRECTION_FROM || packet->zone == zone_of_way_out;
}

/*
 * Where to send original and copies. There is no such map where an interface takes no redirected frames, or does not serve
 * the direction, or tc must see what leaves by it. A VLAN interface is its device and a tag.
 */
static __always_inline void *find_fan_out(const struct config *config, const struct packet *packet, __u32 way_out,
					  struct fan_out_key *key, __u32 *tag)
{
	const struct vlan_way_out *vlan;
	void *fan_out;

	key->way = packet->direction;
	key->next_hop_ifindex = way_out;
	fan_out = bpf_map_lookup_elem(&fan_outs, key);
	if (fan_out)
		return in_zone(packet, zone_of(way_out, config)) ? fan_out : NULL;
	vlan = bpf_map_lookup_elem(&vlan_ways_out, &way_out);
	if (!vlan || !(vlan->directions & 1 << (packet->direction & 1)) || !in_zone(packet, vlan->zone))
		return NULL;
	*tag = vlan->vlan_id;
	key->way = FAN_OUT_TAGGED;
	key->next_hop_ifindex = vlan->device_ifindex;
	return bpf_map_lookup_elem(&fan_outs, key);
}

static __always_inline int forward(struct xdp_md *ctx)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	struct bpf_fib_lookup lookup = {};
	struct selection copies = {};
	struct packet packet = {};
	struct fan_out_key key = {};
	const struct way_in *way_in;
	__u32 tag = 0, vlan_id;
	void *fan_out;

	if (!config || !config->flags || config->flags & CONFIG_LINKS || !find_ip(ctx, &packet, &vlan_id) ||
	    packet.frame_bytes > MAX_BROADCAST_BYTES)
		return LEAVE_TO_STACK;
	way_in = find_way_in(ctx, &packet, vlan_id);
	if (!way_in || !read_ip(ctx, way_in->direction, &packet))
		return LEAVE_TO_STACK;
	packet.zone = way_in->zone;
	match_address(config, &packet, &copies);
	if (!copies.count || copies.refused)
		return LEAVE_TO_STACK;
	lookup.ifindex = way_in->ifindex;
	key.mediation_ifindex = find_copies(ctx, &packet, &copies);
	if (!key.mediation_ifindex || !find_next_hop(ctx, &packet, &lookup))
		return LEAVE_TO_STACK;
	key.copies = copies.count;
	fan_out = find_fan_out(config, &packet, lookup.ifindex, &key, &tag);
	if (!fan_out || !leave_note(ctx, &packet, &copies) || !resize_link_layer(ctx, &packet, tag))
		return LEAVE_TO_STACK;
	if (!rewrite(ctx, &packet, &lookup, tag) || !number_copies(ctx, &copies))
		return XDP_ABORTED;
	return bpf_redirect_map(fan_out, 0, BPF_F_BROADCAST);
}

#endif
