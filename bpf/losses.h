/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Copies that the IP stack took and dropped: there is no route, a neighbour does not answer, a firewall or an IPsec
 * policy wants none, a queue is full. The kernel tells a tracepoint of every packet that it drops, which is the only
 * one that knows. A copy is known by the interface that it came in by and by its hash.
 */
#ifndef SUBMIRROR_LOSSES_H
#define SUBMIRROR_LOSSES_H

/*
 * Whose copy it is stands in the skb's hash, which goes with it and with its fragments, and by which the kernel only
 * chooses queues. The first octet tells it from a hash that the kernel has computed since, and from the copies of
 * another generation of programs.
 */
#define COPY_HASH ((__u32)(0xc5 ^ generation) << 24)
#define COPY_HASH_MASK 0xff000000

static __always_inline void note_owner(struct __sk_buff *skb, __u32 intercept)
{
	if (!(intercept & COPY_HASH_MASK))
		bpf_set_hash(skb, COPY_HASH | intercept);
}

/* Our own programs count what they drop. */
static __always_inline bool dropped_by_us(const struct net_device *device, __u32 reason, const struct config *config)
{
	return (__u32)BPF_CORE_READ(device, ifindex) == config->stack_in_ifindex &&
	       reason == bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_TC_INGRESS);
}

/*
 * Drivers may call it a drop when they free a packet that they have sent, but they give no reason, and the packet's
 * route was taken from it before.
 */
static __always_inline bool freed_by_driver(const struct sk_buff *skb, const struct net_device *device, __u32 reason,
					    const struct config *config)
{
	return reason <= bpf_core_enum_value(enum skb_drop_reason, SKB_DROP_REASON_NOT_SPECIFIED) &&
	       (__u32)BPF_CORE_READ(device, ifindex) != config->stack_in_ifindex && !BPF_CORE_READ(skb, _skb_refdst);
}

/* A copy that left in fragments is counted with its first one. */
static __always_inline bool is_later_fragment(const struct sk_buff *skb)
{
	const void *header = BPF_CORE_READ(skb, head) + BPF_CORE_READ(skb, network_header);
	struct {
		struct ipv6hdr ip;
		struct ipv6_fragment_header fragment;
	} v6;
	struct iphdr v4;

	if (BPF_CORE_READ(skb, protocol) == bpf_htons(ETH_P_IP)) {
		if (bpf_probe_read_kernel(&v4, sizeof(v4), header))
			return false;
		return v4.frag_off & bpf_htons(IPV4_FRAGMENT_OFFSET_MASK);
	}
	if (bpf_probe_read_kernel(&v6, sizeof(v6), header) || v6.ip.nexthdr != IPPROTO_FRAGMENT)
		return false;
	return v6.fragment.offset_and_more & bpf_htons(IPV6_FRAGMENT_OFFSET_MASK);
}

/* Runs for every packet that any part of the kernel drops: nearly all are told by their hash. */
static __always_inline void count_stack_loss(const struct sk_buff *skb, __u32 reason)
{
	__u32 hash = BPF_CORE_READ(skb, hash);
	__u32 zero = 0;
	const struct config *config;
	const struct net_device *device;

	if ((hash & COPY_HASH_MASK) != COPY_HASH)
		return;
	config = bpf_map_lookup_elem(&configs, &zero);
	if (!config || !config->stack_in_ifindex || (__u32)BPF_CORE_READ(skb, skb_iif) != config->stack_in_ifindex)
		return;
	device = BPF_CORE_READ(skb, dev);
	if (!device || BPF_CORE_READ(device, nd_net.net, ns.inum) != config->network_namespace)
		return;
	if (dropped_by_us(device, reason, config) || freed_by_driver(skb, device, reason, config) ||
	    is_later_fragment(skb))
		return;
	count_lost_copy(hash & ~COPY_HASH_MASK, DROP_STACK, 1);
}

#endif
