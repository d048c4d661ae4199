// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * For the tests: makes different frames out of equal ones, and sends them by an interface, many at a time. A test that
 * writes frames to a device has each of them handled by itself.
 */
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/ip.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Set by the test. */
const volatile __u32 out_ifindex;
const volatile __u32 subscribers = 1;

__u32 frames;

static __always_inline void count_up(__be16 *word, __u16 by, __sum16 *check)
{
	__u32 sum = (__u16)~*check + (__u16)~*word;

	*word = bpf_htons(bpf_ntohs(*word) + by);
	sum += *word;
	sum = (sum & 0xffff) + (sum >> 16);
	*check = ~((sum & 0xffff) + (sum >> 16));
}

/* The n-th frame has n added to its IPv4 identification, and to its source address n modulo `subscribers`. */
SEC("xdp")
int burst(struct xdp_md *ctx)
{
	void *end = (void *)(long)ctx->data_end;
	struct iphdr *ip = (void *)(long)ctx->data + ETH_HLEN;
	__u32 number = frames++;

	if ((void *)(ip + 1) > end)
		return XDP_ABORTED;
	count_up(&ip->id, number, &ip->check);
	count_up((__be16 *)&ip->saddr + 1, number % subscribers, &ip->check);
	return bpf_redirect(out_ifindex, 0);
}

char _license[] SEC("license") = "Dual BSD/GPL";
