// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * For the tests: BPF_PROG_TEST_RUN cannot set a VLAN tag in the skb's metadata, where devices and the kernel leave it.
 * This program puts one there and goes on to the program under test in the same run.
 */
#include <linux/bpf.h>
#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} under_test SEC(".maps");

/* cb[0]: TPID, host byte order; cb[1]: TCI. Both are zero again when the program under test begins. */
SEC("tc")
int tag_in_metadata(struct __sk_buff *skb)
{
	int failed = bpf_skb_vlan_push(skb, bpf_htons(skb->cb[0]), skb->cb[1]);

	skb->cb[0] = 0;
	skb->cb[1] = 0;
	if (!failed)
		bpf_tail_call(skb, &under_test, 0);
	/* No verdict of any program here: the test sees that it was not reached. */
	return 99;
}

char _license[] SEC("license") = "Dual BSD/GPL";
