// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* For the tests: what another agent on the node may have attached. */
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

#define TC_ACT_OK 0

/* Lets the packet pass and ends the chain: who comes behind does not see it. */
SEC("tc")
int ends_chain(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_OK;
}

SEC("tc")
int ends_chain_too(struct __sk_buff *skb __attribute__((unused)))
{
	return TC_ACT_OK;
}

SEC("xdp")
int passes(struct xdp_md *ctx __attribute__((unused)))
{
	return XDP_PASS;
}

char _license[] SEC("license") = "Dual BSD/GPL";
