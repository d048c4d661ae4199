/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The least that a mirror in eBPF must do, and nothing else: the bounds of what ours can reach. */
#ifndef BENCH_BARE_H
#define BENCH_BARE_H

struct bare_target {
	__u32 ifindex;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct bare_target);
} bare_targets SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} bare_outlets SEC(".maps");

SEC("tc")
int bare_nothing(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_UNSPEC;
}

SEC("tc")
int bare_clone(struct __sk_buff *skb)
{
	__u32 zero = 0;
	const struct bare_target *target = bpf_map_lookup_elem(&bare_targets, &zero);

	if (target && subscriber_at((void *)(long)skb->data, (void *)(long)skb->data_end, ETH_HLEN, skb->len) ==
			      INTERCEPTED_SUBSCRIBER)
		bpf_clone_redirect(skb, target->ifindex, 0);
	return TC_ACT_UNSPEC;
}

SEC("xdp")
int bare_redirect(struct xdp_md *xdp __attribute__((unused)))
{
	return bpf_redirect_map(&bare_outlets, 0, XDP_DROP);
}

#endif
