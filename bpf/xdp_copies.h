/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * From the original that is broadcast to its copies. The kernel clones the frame for each devmap entry, metadata and
 * all, queues the clones by device and CPU in the order of the entries' keys, and later, still on that CPU and in that
 * order, runs the program of the first frame's entry on all that wait for the device. So all entries of copies have
 * the same program, no original is ever sent by an interface that copies leave by, and of several copies of one
 * original each is told by being the first, second, ... frame of its serial.
 */
#ifndef SUBMIRROR_XDP_COPIES_H
#define SUBMIRROR_XDP_COPIES_H

#define COPY_NOTE_MAGIC 0x5b

/* In the frame's metadata: what the program at the devmap entry needs. */
struct frame_note {
	__u8 magic;
	__u8 direction;
	__u8 ip_offset;
	__u8 ttl;         /* that the copy has */
	__u32 intercept;  /* of the only copy; of several, the serial of the original */
	__sum16 checksum; /* of the IPv4 header, that the copy has */
	__u16 copies;
};

static __always_inline struct broadcast *broadcast_of(__u32 serial)
{
	__u32 row = serial % BROADCASTS;

	return bpf_map_lookup_elem(&broadcasts, &row);
}

/*
 * Notes the copies of an original that is sent now. Its row is long free: the kernel sends what it has queued before
 * the device's turn ends, and a turn has fewer frames than there are rows. A copy that has not come by was lost.
 */
static __always_inline __u32 begin_broadcast(const struct selection *copies)
{
	__u32 zero = 0;
	__u32 *last = bpf_map_lookup_elem(&broadcast_serials, &zero);
	struct broadcast *row;
	__u32 serial;

	if (!last)
		return 0;
	/* Atomic for kernels in which one device's turn may interrupt another's (PREEMPT_RT). */
	serial = __sync_fetch_and_add(last, 1) + 1;
	row = broadcast_of(serial);
	if (!row)
		return 0;
	for (__u32 i = 0; i < MAX_COPIES; i++) {
		if (i >= row->made && i < row->count)
			count_lost_copy(row->intercept[i], DROP_CLONE, 1);
		row->intercept[i] = copies->intercept[i];
	}
	row->serial = serial;
	row->count = copies->count;
	row->made = 0;
	return serial;
}

/* Which intercept the frame is the copy for. False where nobody knows any more: then it is counted as lost already. */
static __always_inline bool next_of_broadcast(__u32 serial, __u32 *intercept)
{
	struct broadcast *row = broadcast_of(serial);
	__u32 number;

	if (!row || row->serial != serial || row->made >= row->count)
		return false;
	number = row->made++;
	if (number >= MAX_COPIES)
		return false;
	*intercept = row->intercept[number];
	return true;
}

/* Makes the packet again what it was when it came in, or what the subscriber gets. Returns its length. */
static __always_inline __u32 restore_ip(const struct frame_note *note, struct iphdr *v4)
{
	struct ipv6hdr *v6 = (struct ipv6hdr *)v4;

	if (v4->version == 4) {
		v4->ttl = note->ttl;
		v4->check = note->checksum;
		return bpf_ntohs(v4->tot_len);
	}
	v6->hop_limit = note->ttl;
	return bpf_ntohs(v6->payload_len) + IPV6_HEADER_BYTES;
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
	struct iphdr *v4;
	int failed;

	if ((void *)(note + 1) > frame_start(ctx) || note->magic != COPY_NOTE_MAGIC) {
		count_drop(DROP_NOT_TAKEN, 1);
		return XDP_DROP;
	}
	plan.intercept = note->intercept;
	plan.direction = note->direction & 1;
	plan.packets = 1;
	if (note->copies != 1 && !next_of_broadcast(note->intercept, &plan.intercept))
		return XDP_DROP;
	intercept = bpf_map_lookup_elem(&intercepts, &plan.intercept);
	device = intercept ? bpf_map_lookup_elem(&mediation_devices, &intercept->device) : NULL;
	route = device ? bpf_map_lookup_elem(&routes, &intercept->device) : NULL;
	v4 = frame_at(ctx, note->ip_offset, sizeof(*v4));
	if (!route || !v4) {
		count_lost_copy(plan.intercept, DROP_STALE_INTERCEPT, 1);
		return XDP_DROP;
	}
	/* It was, or there would be no copy here; a later packet may have asked again since. */
	if (route->ifindex != ctx->egress_ifindex) {
		count_lost_copy(plan.intercept, DROP_NO_ROUTE, 1);
		return XDP_DROP;
	}
	plan.ip_offset = note->ip_offset;
	plan.ip_length = restore_ip(note, v4);
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
