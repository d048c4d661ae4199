// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The `tc` datapath.
 *
 *   access interface          mediation interface
 *   access_ingress  --copy--> mediation_egress --> mediation device
 *   access_egress   --copy--> stack_egress ~ stack_ingress --> IP stack --> mediation_egress --> mediation device
 *
 * The programs on the access interfaces only read, and let every packet go on.
 */
#include "kernel.h"
#include "types.h"
#include "maps.h"
#include "counters.h"
#include "parse.h"
#include "match.h"
#include "route.h"
#include "encapsulate.h"
#include "mirror.h"
#include "stack.h"

static __always_inline bool is_own_copy(struct __sk_buff *skb)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	const struct handover *slot = bpf_map_lookup_elem(&handovers, &zero);

	/* A copy on its way out must not be taken for the subscriber's traffic where their prefixes overlap. */
	return (slot && slot->busy) || (config && config->stack_in_ifindex && skb->ingress_ifindex == config->stack_in_ifindex);
}

SEC("tc")
int access_ingress(struct __sk_buff *skb)
{
	mirror_packet(skb, DIRECTION_FROM, ETH_HLEN);
	return TCX_NEXT;
}

SEC("tc")
int access_egress(struct __sk_buff *skb)
{
	if (!is_own_copy(skb))
		mirror_packet(skb, DIRECTION_TO, ETH_HLEN);
	return TCX_NEXT;
}

/* Takes the order that was left for this copy, or returns NULL where the packet is somebody else's. */
static __always_inline struct handover *take_order(void)
{
	__u32 zero = 0;
	struct handover *slot = bpf_map_lookup_elem(&handovers, &zero);

	if (!slot || !slot->armed)
		return NULL;
	slot->armed = 0;
	return slot;
}

SEC("tc")
int mediation_egress(struct __sk_buff *skb)
{
	struct handover *order = take_order();
	struct plan plan = {};
	struct intercept *intercept;
	struct route *route;
	int failed;

	if (!order) {
		failed = is_own_copy(skb) ? restore_ttl(skb) : 0;
		if (failed)
			count_drop(failed - 1, 1);
		return TCX_NEXT;
	}
	plan.intercept = order->intercept;
	plan.direction = order->direction;
	plan.ip_offset = order->ip_offset;
	plan.ip_length = order->ip_length;
	plan.packets = order->packets;
	intercept = bpf_map_lookup_elem(&intercepts, &plan.intercept);
	route = intercept ? bpf_map_lookup_elem(&routes, &intercept->device) : NULL;
	if (!route) {
		order->outcome = FAILED(DROP_NO_ROUTE);
		return TC_ACT_SHOT;
	}
	__builtin_memcpy(plan.source_mac, route->source_mac, ETH_ALEN);
	__builtin_memcpy(plan.destination_mac, route->destination_mac, ETH_ALEN);
	order->outcome = encapsulate(skb, &plan);
	return order->outcome ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc")
int stack_egress(struct __sk_buff *skb)
{
	struct handover *order = take_order();

	/* Nothing but copies has business on the helper pair. */
	if (!order)
		return TC_ACT_SHOT;
	order->outcome = write_stack_note(skb, order);
	return order->outcome ? TC_ACT_SHOT : TC_ACT_OK;
}

SEC("tc")
int stack_ingress(struct __sk_buff *skb)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	__u32 intercept = 0;
	int failed;

	if (!config)
		return TC_ACT_SHOT;
	failed = encapsulate_noted(skb, config, &intercept);
	if (failed) {
		count_lost_copy(intercept, failed - 1, 1);
		return TC_ACT_SHOT;
	}
	bpf_skb_change_type(skb, PACKET_HOST);
	return TC_ACT_OK;
}

char _license[] SEC("license") = "Dual BSD/GPL";
