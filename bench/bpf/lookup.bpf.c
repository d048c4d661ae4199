// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/* How long one lookup of a subscriber takes, in a map defined as the datapath defines it. */
#include "kernel.h"
#include "types.h"
#include "maps.h"

/* Set anew for each measurement. */
struct lookups {
	__u32 count;   /* a run */
	__u32 base;    /* first address, host byte order */
	__u32 range;   /* addresses, of which each lookup takes one at random */
	__u32 random;  /* state, not 0 */
	__u32 enabled; /* 0: everything but the lookup, to be subtracted */
	__u32 found;
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lookups);
} lookups SEC(".maps");

static long look_up(__attribute__((unused)) __u32 index, void *context)
{
	struct lookups *wanted = *(struct lookups **)context;
	const struct targets *hit = NULL;
	struct host4_key key = {};
	__u32 x = wanted->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	wanted->random = x;
	key.address = bpf_htonl(wanted->base + (((__u64)x * wanted->range) >> 32));
	if (wanted->enabled)
		hit = bpf_map_lookup_elem(&hosts4, &key);
	/* The atomic keeps the core from starting the next lookup before this one has its answer: between two packets
	 * there is too much to do for that, too. */
	__sync_fetch_and_add(&wanted->found, hit ? hit->count : 0);
	return 0;
}

SEC("tc")
int look_up_many(struct __sk_buff *skb __attribute__((unused)))
{
	__u32 zero = 0;
	struct lookups *wanted = bpf_map_lookup_elem(&lookups, &zero);

	if (wanted)
		bpf_loop(wanted->count, look_up, &wanted, 0);
	return 0;
}

char _license[] SEC("license") = "Dual BSD/GPL";
