/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * How a mediation device is reached. The kernel's own routing and neighbour tables are asked, at most once in
 * ROUTE_LIFETIME_NS by each CPU, so that changes are followed also while no agent runs. What cannot be sent
 * straight to a neighbour on an interface that runs mediation_egress goes through the IP stack.
 */
#ifndef SUBMIRROR_ROUTE_H
#define SUBMIRROR_ROUTE_H

#define ROUTE_LIFETIME_NS (10 * NANOSECONDS_PER_MILLISECOND)

/*
 * The stack keeps some copies for a neighbour that it asks for, as long as this. A neighbour that has not answered
 * until then is not there: copies are dropped and counted here, but for one in ROUTE_LIFETIME_NS, which has the stack
 * ask again.
 */
#define NEIGHBOUR_PATIENCE_NS (3000 * NANOSECONDS_PER_MILLISECOND)
/* Without a copy for that long, nobody has asked for the neighbour. */
#define NEIGHBOUR_FORGOTTEN_NS (1000 * NANOSECONDS_PER_MILLISECOND)

/* Identifications of outer datagrams that a CPU reserves at a time, unless a super-packet has more segments. */
#define ID_BLOCK 256

static __always_inline void fill_lookup(struct bpf_fib_lookup *lookup, const struct mediation_device *device,
					__u32 stack_in_ifindex)
{
	__builtin_memset(lookup, 0, sizeof(*lookup));
	/* As a packet that comes in from the helper pair: the same answer as the way through the stack gives. */
	lookup->ifindex = stack_in_ifindex;
	lookup->l4_protocol = IPPROTO_UDP;
	lookup->tot_len = 1; /* anything but 0 has the MTU reported */
	if (device->flags & DEVICE_IPV6) {
		lookup->family = AF_INET6;
		__builtin_memcpy(lookup->ipv6_src, device->source, 16);
		__builtin_memcpy(lookup->ipv6_dst, device->destination, 16);
	} else {
		lookup->family = AF_INET;
		__builtin_memcpy(&lookup->ipv4_src, device->source, 4);
		__builtin_memcpy(&lookup->ipv4_dst, device->destination, 4);
	}
}

static __always_inline bool only_through_stack(const struct mediation_device *device)
{
	return device->flags & (DEVICE_STACK_ONLY | DEVICE_IPSEC);
}

/* Holds ready what every copy to an IPv4 device has in front; what differs from copy to copy is 0. */
static __always_inline void prepare_outer4(struct route *route, const struct mediation_device *device)
{
	struct outer4 outer = {};

	__builtin_memcpy(outer.ethernet.h_source, route->source_mac, ETH_ALEN);
	__builtin_memcpy(outer.ethernet.h_dest, route->destination_mac, ETH_ALEN);
	outer.ethernet.h_proto = bpf_htons(ETH_P_IP);
	outer.ip.version = 4;
	outer.ip.ihl = IPV4_HEADER_BYTES / 4;
	outer.ip.ttl = device->ttl;
	outer.ip.protocol = IPPROTO_UDP;
	__builtin_memcpy(&outer.ip.saddr, device->source, 4);
	__builtin_memcpy(&outer.ip.daddr, device->destination, 4);
	outer.udp.source = device->source_port;
	__builtin_memcpy(route->outer4, &outer, sizeof(outer));
	route->outer4_sum = ipv4_sum(&outer.ip);
}

static __always_inline void note_neighbour(struct route *route, bool resolved, __u64 now)
{
	if (resolved)
		route->unresolved_ns = 0;
	else if (!route->unresolved_ns || now - route->asked_ns > NEIGHBOUR_FORGOTTEN_NS)
		route->unresolved_ns = now;
}

SUBPROGRAM int ask_route(program_context *ctx, const struct mediation_device *device, struct route *route, __u64 now)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	struct bpf_fib_lookup lookup;
	bool straight;
	__u32 ifindex;
	long result;

	if (!config || !device || !route)
		return 0;
	route->ifindex = 0;
	route->mtu = 0;
	route->usual_bytes = 0;
	fill_lookup(&lookup, device, config->stack_in_ifindex);
	result = bpf_fib_lookup(ctx, &lookup, sizeof(lookup), 0);
	ifindex = lookup.ifindex;
	straight = !only_through_stack(device) && bpf_map_lookup_elem(&mediation_interfaces, &ifindex);
	note_neighbour(route, !straight || result != BPF_FIB_LKUP_RET_NO_NEIGH, now);
	if (result == BPF_FIB_LKUP_RET_SUCCESS) {
		route->mtu = lookup.mtu_result;
		if (!straight)
			return 0;
		route->ifindex = ifindex;
		__builtin_memcpy(route->source_mac, lookup.smac, ETH_ALEN);
		__builtin_memcpy(route->destination_mac, lookup.dmac, ETH_ALEN);
		if (device->flags & DEVICE_IPV6)
			return 0;
		prepare_outer4(route, device);
		if (!(device->flags & DEVICE_UDP_CHECKSUM) && route->mtu > OUTER4_BYTES)
			route->usual_bytes = route->mtu - OUTER4_BYTES;
		return 0;
	}
	/* The neighbour is not known yet: the stack will ask for it, but what fits is known already. */
	fill_lookup(&lookup, device, config->stack_in_ifindex);
	if (bpf_fib_lookup(ctx, &lookup, sizeof(lookup), FIB_LOOKUP_SKIP_NEIGH) == BPF_FIB_LKUP_RET_SUCCESS)
		route->mtu = lookup.mtu_result;
	return 0;
}

/* True where the neighbour is not there, and it is not this copy's turn to have the stack ask for it. */
static __always_inline bool neighbour_is_away(struct route *route, __u64 now)
{
	if (!route->unresolved_ns || now - route->unresolved_ns < NEIGHBOUR_PATIENCE_NS)
		return false;
	if (now - route->tried_ns < ROUTE_LIFETIME_NS)
		return true;
	route->tried_ns = now;
	return false;
}

static __always_inline bool is_recent(const struct route *route, __u64 now)
{
	return route->asked_ns && now - route->asked_ns <= ROUTE_LIFETIME_NS;
}

/* A policy that is new counts at once: what the route says of it may be ROUTE_LIFETIME_NS old. */
static __always_inline bool goes_as_usual(const struct mediation_device *device, const struct route *route,
					  __u32 ip_length)
{
	return ip_length <= route->usual_bytes && !only_through_stack(device);
}

static __always_inline struct route *route_to(program_context *ctx, __u32 index, const struct mediation_device *device,
					      __u64 now)
{
	struct route *route = bpf_map_lookup_elem(&routes, &index);

	if (!route)
		return NULL;
	if (!is_recent(route, now)) {
		ask_route(ctx, device, route, now);
		route->asked_ns = now;
	}
	return route;
}

/*
 * The first of `count` identifications that no other copy to this mediation device has had lately. A datagram that is
 * fragmented must not share its identification (RFC 791, RFC 6864, RFC 8200 section 4.5).
 */
static __always_inline __u32 take_ids_of(struct route *route, __u32 device_index, __u32 count)
{
	__u32 *shared;
	__u32 first;

	if (route->ids_left < count) {
		shared = bpf_map_lookup_elem(&identifications, &device_index);
		if (!shared)
			return 0;
		route->ids_left = count > ID_BLOCK ? count : ID_BLOCK;
		route->next_id = __sync_fetch_and_add(shared, route->ids_left);
	}
	first = route->next_id;
	route->next_id += count;
	route->ids_left -= count;
	return first;
}

static __always_inline __u32 take_ids(__u32 device_index, __u32 count)
{
	struct route *route = bpf_map_lookup_elem(&routes, &device_index);

	return route ? take_ids_of(route, device_index, count) : 0;
}

#endif
