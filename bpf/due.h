/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* What an intercept wants of a packet. */
#ifndef SUBMIRROR_DUE_H
#define SUBMIRROR_DUE_H

/* True between the intercept's begin and end. `recent` decides where neither can be near; else the clock is read. */
static __always_inline bool in_force(const struct intercept *intercept, __u64 recent)
{
	__u64 now;

	if (recent >= intercept->not_before_ns && recent + RECENT_NS < intercept->not_after_ns)
		return true;
	now = precise_ns();
	return now >= intercept->not_before_ns && now < intercept->not_after_ns;
}

/* True where the intercept wants a copy of the packet at this time. */
static __always_inline bool due(const struct intercept *intercept, const struct packet *packet, __u64 recent)
{
	__u32 wanted = packet->direction == DIRECTION_FROM ? INTERCEPT_FROM : INTERCEPT_TO;

	if (packet->direction == DIRECTION_TO && to_a_group(packet) && !(intercept->flags & INTERCEPT_MULTICAST))
		return false;
	return intercept->flags & INTERCEPT_ACTIVE && intercept->flags & wanted && in_force(intercept, recent);
}

/* True where the intercept surely wants a copy now, of the whole packet. Else it has to be asked: due(), and the rest. */
static __always_inline bool surely_due(const struct intercept *intercept, __u32 direction, __be32 address, __u64 recent)
{
	__u32 wanted = INTERCEPT_ACTIVE | (direction == DIRECTION_FROM ? INTERCEPT_FROM : INTERCEPT_TO);

	if (direction == DIRECTION_TO && is_group4(address))
		return false;
	return (intercept->flags & wanted) == wanted &&
	       !(intercept->drop_policy | intercept->snap_length | intercept->bytes_per_second) &&
	       recent >= intercept->not_before_ns && recent + RECENT_NS < intercept->not_after_ns;
}

/* Bytes of the mirrored packets as they leave, without what is prepended. */
static __always_inline __u64 bytes_to_leave(const struct intercept *intercept, const struct packet *packet)
{
	__u64 snapped = (__u64)intercept->snap_length * packet->packets;
	__u64 whole = bytes_on_the_wire(packet);

	return snapped && snapped < whole ? snapped : whole;
}

static __always_inline __u32 largest_datagram(const struct intercept *intercept, const struct mediation_device *device,
					      const struct packet *packet)
{
	__u32 inner = packet->largest;

	if (intercept->snap_length && intercept->snap_length < inner)
		inner = intercept->snap_length;
	return inner + outer_bytes(device);
}

#endif
