// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The `tc` datapath.
 *
 *   access interface           helper devices                         mediation interface
 *   access_ingress  --copy-------------------------------------------> mediation_egress --> mediation device
 *   access_egress   --copy--> stack_egress ~ stack_ingress -> IP stack -> mediation_egress --> mediation device
 *   access_*_l3     --copy--> springboard_egress -> either of the two
 *
 * The programs on the access interfaces only read, and let every packet go on.
 */
#include "kernel.h"
#include "types.h"
#include "contract.h"
#include "maps.h"
#include "counters.h"
#include "packet.h"
#include "parse.h"
#include "sieve.h"
#include "match.h"
#include "match_link.h"
#include "policy.h"
#include "gso.h"
#include "headers.h"
#include "clock.h"
#include "route.h"
#include "outer.h"
#include "checksum.h"
#include "encapsulate.h"
#include "due.h"
#include "stack.h"
#include "plain.h"
#include "send.h"
#include "mirror.h"
#include "losses.h"

SEC("tc")
int access_ingress(struct __sk_buff *skb)
{
	mirror_packet(skb, DIRECTION_FROM, ETH_HLEN);
	return VERDICT_NEXT;
}

SEC("tc")
int access_egress(struct __sk_buff *skb)
{
	mirror_packet(skb, DIRECTION_TO, ETH_HLEN);
	return VERDICT_NEXT;
}

/* The same for interfaces without a link layer: ppp, tun. */
SEC("tc")
int access_ingress_l3(struct __sk_buff *skb)
{
	mirror_packet(skb, DIRECTION_FROM, 0);
	return VERDICT_NEXT;
}

SEC("tc")
int access_egress_l3(struct __sk_buff *skb)
{
	mirror_packet(skb, DIRECTION_TO, 0);
	return VERDICT_NEXT;
}

/*
 * What a tap interface hands on from XDP: frames that are copies already, of both directions. They end here, and do
 * not reach the node's own stack.
 */
SEC("tc")
int tap_ingress(struct __sk_buff *skb)
{
	struct packet packet = { .link_bytes = ETH_HLEN };

	mirror_packet(skb, DIRECTION_FROM, ETH_HLEN);
	mirror_packet(skb, DIRECTION_TO, ETH_HLEN);
	parse(skb, &packet);
	return packet.ip_version ? TC_ACT_SHOT : VERDICT_NEXT;
}

/* Takes the order that was left for this copy, or returns NULL where the packet is somebody else's. */
static __always_inline struct handover *take_order(void)
{
	struct handover *slot = own_slot();

	if (!slot || slot->armed != ORDER_ENCAPSULATE)
		return NULL;
	slot->armed = 0;
	slot->outcome = 0;
	return slot;
}

static __always_inline const struct route *route_of_intercept(__u32 index)
{
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &index);

	return intercept ? bpf_map_lookup_elem(&routes, &intercept->device) : NULL;
}

/* Makes the datagram for a neighbour. Returns 0, or drop_reason + 1. */
static __always_inline int encapsulate_for_neighbour(struct __sk_buff *skb, const struct handover *order,
						     __u32 ip_offset, const struct route *route)
{
	struct plan plan = {
		.intercept = order->intercept,
		.direction = order->direction,
		.ip_offset = ip_offset,
		.ip_length = order->ip_length,
		.packets = order->packets,
	};

	__builtin_memcpy(plan.source_mac, route->source_mac, ETH_ALEN);
	__builtin_memcpy(plan.destination_mac, route->destination_mac, ETH_ALEN);
	return encapsulate(skb, &plan);
}

/* A super-packet that is a tunnel already takes no outer header: it is cut first, by the helper pair. */
static __always_inline int cut_first(struct __sk_buff *skb, struct handover *order)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);

	/* encapsulate() took the tags off before it found that it could not go on. */
	order->outcome = config ? write_copy_note(skb, order, ETH_HLEN) : FAILED(DROP_GROW);
	if (order->outcome)
		return TC_ACT_SHOT;
	order->through_stack = 1;
	return bpf_redirect(config->stack_out_ifindex, 0);
}

/* A packet that leaves by a mediation interface and was not handed over: somebody else's, or a copy from the stack. */
static __always_inline void pass_on(struct __sk_buff *skb, __u32 link_bytes)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	int failed;

	if (!config || !came_through_stack(skb, config))
		return;
	failed = restore_ttl(skb, link_bytes, config->ttl);
	if (failed)
		count_drop(failed - 1, 1);
}

SEC("tc")
int mediation_egress(struct __sk_buff *skb)
{
	struct handover *order = own_slot();
	const struct route *route;

	if (order && order->armed == ORDER_PREPARED) {
		order->armed = 0;
		order->outcome = put_prepared(skb, order);
		return order->outcome ? TC_ACT_SHOT : TC_ACT_OK;
	}
	order = take_order();
	if (!order) {
		pass_on(skb, ETH_HLEN);
		return VERDICT_NEXT;
	}
	route = route_of_intercept(order->intercept);
	order->outcome = route ? encapsulate_for_neighbour(skb, order, order->ip_offset, route) : FAILED(DROP_NO_ROUTE);
	if (order->outcome == FAILED(DROP_GROW) && skb->gso_size)
		return cut_first(skb, order);
	/* TC_ACT_OK ends the chain: no other program on this interface sees the copy. */
	return order->outcome ? TC_ACT_SHOT : TC_ACT_OK;
}

/* For mediation interfaces without a link layer, which only the stack reaches: a tunnel. */
SEC("tc")
int mediation_egress_l3(struct __sk_buff *skb)
{
	pass_on(skb, 0);
	return VERDICT_NEXT;
}

/* Gives a copy without a link layer an Ethernet header and sends it the way that was chosen for it. */
SEC("tc")
int springboard_egress(struct __sk_buff *skb)
{
	struct handover *order = take_order();
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	const struct route *route;

	if (!order || !config)
		return TC_ACT_SHOT;
	if (bpf_skb_change_head(skb, ETH_HLEN, 0)) {
		order->outcome = FAILED(DROP_GROW);
		return TC_ACT_SHOT;
	}
	if (order->through_stack) {
		__be16 protocol = order->protocol;

		order->outcome = write_copy_note(skb, order, ETH_HLEN);
		if (!order->outcome && bpf_skb_store_bytes(skb, ETH_HLEN - 2, &protocol, sizeof(protocol), 0))
			order->outcome = FAILED(DROP_STORE);
		return order->outcome ? TC_ACT_SHOT : bpf_redirect(config->stack_out_ifindex, 0);
	}
	route = route_of_intercept(order->intercept);
	order->outcome = route ? encapsulate_for_neighbour(skb, order, ETH_HLEN, route) : FAILED(DROP_NO_ROUTE);
	return order->outcome ? TC_ACT_SHOT : bpf_redirect(route->ifindex, 0);
}

SEC("tc")
int stack_egress(struct __sk_buff *skb)
{
	struct handover *order = take_order();
	__u32 link_bytes;

	/* A note is there already (cut_first, springboard_egress), or the copy is of another build's programs. */
	if (!order)
		return VERDICT_NEXT;
	/* On its way in, the kernel would move a tag out of the packet, and the IP header were not where the note says. */
	order->outcome = take_off_tags(skb, &link_bytes);
	if (!order->outcome)
		order->outcome = write_copy_note(skb, order, link_bytes);
	return order->outcome ? TC_ACT_SHOT : TC_ACT_OK;
}

/* A single packet becomes a datagram, and where no router may cut that, fragments; each comes in once more. */
static __always_inline int receive_copy(struct __sk_buff *skb, const struct config *config)
{
	struct copy_note note;
	struct path path;
	bool oversize;
	int failed;

	if (bpf_skb_load_bytes(skb, 0, &note, sizeof(note)))
		return TC_ACT_SHOT;
	failed = encapsulate_noted(skb, &note);
	if (!failed) {
		path = path_of(skb, note.intercept);
		oversize = path.mtu && skb->len - ETH_HLEN > path.mtu;
		if (oversize)
			count_fragmented(1);
		if (!oversize || !path.ipv6 || path.mtu < IPV6_MIN_MTU)
			return bpf_redirect(config->stack_in_ifindex, BPF_F_INGRESS);
		failed = fragment_ipv6(skb, config->stack_in_ifindex, path.mtu, &note);
	}
	if (failed)
		count_lost_copy(note.intercept, failed - 1, 1);
	return TC_ACT_SHOT;
}

/* Bytes of the mirrored packet in a datagram, of which the skb may hold a fragment only. */
static __always_inline __u32 mirrored_bytes(__u32 index, __u32 datagram_bytes)
{
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &index);
	const struct mediation_device *device;

	device = intercept ? bpf_map_lookup_elem(&mediation_devices, &intercept->device) : NULL;
	return device ? datagram_bytes - outer_bytes(device) : 0;
}

static __always_inline int receive_datagram(struct __sk_buff *skb)
{
	struct copy_note note;

	if (bpf_skb_load_bytes(skb, 0, &note, sizeof(note)))
		return TC_ACT_SHOT;
	count_mirrored(note.intercept, note.direction, 1, mirrored_bytes(note.intercept, skb->len - ETH_HLEN));
	count_through_stack(1);
	note_owner(skb, note.intercept);
	bpf_skb_change_type(skb, PACKET_HOST);
	return TC_ACT_OK;
}

static __always_inline int receive_fragment(struct __sk_buff *skb)
{
	__u32 datagram_bytes = skb->len - ETH_HLEN;
	struct fragment_note note;
	int failed;

	if (bpf_skb_load_bytes(skb, 0, &note, sizeof(note)))
		return TC_ACT_SHOT;
	failed = become_fragment(skb, &note);
	if (failed) {
		count_lost_copy(note.intercept, failed - 1, note.index == 0);
		return TC_ACT_SHOT;
	}
	if (note.index == 0) {
		count_mirrored(note.intercept, note.direction, 1, mirrored_bytes(note.intercept, datagram_bytes));
		count_through_stack(1);
	}
	note_owner(skb, note.intercept);
	bpf_skb_change_type(skb, PACKET_HOST);
	return TC_ACT_OK;
}

SEC("tc")
int stack_ingress(struct __sk_buff *skb)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);
	struct note_head head;

	if (!config || bpf_skb_load_bytes(skb, 0, &head, sizeof(head)))
		return TC_ACT_SHOT;
	/* What nobody takes has a foreign address and ends at the stack. */
	if (head.generation != generation)
		return VERDICT_NEXT;
	if (head.kind == NOTE_COPY)
		return receive_copy(skb, config);
	if (head.kind == NOTE_DATAGRAM)
		return receive_datagram(skb);
	return head.kind == NOTE_FRAGMENT ? receive_fragment(skb) : VERDICT_NEXT;
}

SEC("raw_tp/kfree_skb")
int stack_loss(struct bpf_raw_tracepoint_args *ctx)
{
	count_stack_loss((const struct sk_buff *)ctx->args[0], ctx->args[2]);
	return 0;
}

/* Keep places in a chain while one of the programs above moves to its head. */
SEC("tc")
int stand_in_first(__attribute__((unused)) struct __sk_buff *skb)
{
	return VERDICT_NEXT;
}

SEC("tc")
int stand_in_behind(__attribute__((unused)) struct __sk_buff *skb)
{
	return VERDICT_NEXT;
}

char _license[] SEC("license") = "Dual BSD/GPL";
