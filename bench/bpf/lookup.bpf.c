// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * How long one look-up of a subscriber takes, as the datapath does it: the sieve, and the table where that lets the
 * key through.
 */
#include "kernel.h"
#include "types.h"
#include "maps.h"
#include "packet.h"
#include "sieve.h"
#include "match.h"

/* Set anew for each measurement. */
struct lookups {
	__u32 count;   /* a run */
	__u32 base;    /* first address, host byte order */
	__u32 range;   /* keys, of which each look-up takes one at random */
	__u32 stride;  /* addresses from one key to the next */
	__u32 random;  /* state, not 0 */
	__u32 enabled; /* 0: everything but the look-up, to be subtracted */
	__u32 found;
	__u32 sieve_mask;
	__u32 ballast; /* lines that are read before each look-up, so that nothing that it needs is in the core's caches */
	__u32 unused;
	__u64 sum;     /* of the ballast, so that it is read */
	__u64 ns;      /* in look-ups; only with ballast, since reading the clock takes longer than a look-up */
};

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct lookups);
} lookups SEC(".maps");

struct line {
	__u64 words[8];
};

/* More than the second-level cache and its TLB hold. */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 131072);
	__type(key, __u32);
	__type(value, struct line);
} ballast SEC(".maps");

static long read_line(__u32 index, void *context)
{
	struct lookups *wanted = *(struct lookups **)context;
	const struct line *line = bpf_map_lookup_elem(&ballast, &index);

	if (line)
		wanted->sum += line->words[0];
	return 0;
}

static __always_inline __u32 look_up_once(const struct lookups *wanted, __be32 address)
{
	const struct config config = { .sieve_mask = wanted->sieve_mask };
	const struct packet packet = { .address4 = address };
	const struct targets *hit = wanted->enabled ? match_host4(&config, &packet) : NULL;

	return hit ? hit->count : 0;
}

static long look_up(__attribute__((unused)) __u32 index, void *context)
{
	struct lookups *wanted = *(struct lookups **)context;
	__u32 x = wanted->random;
	__be32 address;
	__u64 begin;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	wanted->random = x;
	address = bpf_htonl(wanted->base + (__u32)(((__u64)x * wanted->range) >> 32) * wanted->stride);
	/* The atomic keeps the core from starting the next look-up before this one has its answer: between two packets
	 * there is too much to do for that, too. */
	if (!wanted->ballast) {
		__sync_fetch_and_add(&wanted->found, look_up_once(wanted, address));
		return 0;
	}
	bpf_loop(wanted->ballast, read_line, context, 0);
	begin = bpf_ktime_get_ns();
	__sync_fetch_and_add(&wanted->found, look_up_once(wanted, address));
	wanted->ns += bpf_ktime_get_ns() - begin;
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
