/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Per-CPU counters. A counter that cannot be found is not counted: nothing else may depend on it. */
#ifndef SUBMIRROR_COUNTERS_H
#define SUBMIRROR_COUNTERS_H

static __always_inline struct totals *own_totals(void)
{
	struct cpu *cpu = own_cpu();

	return cpu ? &cpu->totals : NULL;
}

static __always_inline void count_drop(__u32 reason, __u64 packets)
{
	struct totals *sum = own_totals();

	if (sum && reason < DROP_REASONS)
		sum->dropped[reason] += packets;
}

/* Has the processor get the counters from memory while it does something else. */
static __always_inline void fetch(const struct intercept_counters *counters)
{
	(void)*(const volatile __u64 *)&counters->mirrored[0].packets;
}

/* A copy of intercept `index` that was due and did not leave. */
static __always_inline void count_lost_copy(__u32 index, __u32 reason, __u64 packets)
{
	struct intercept_counters *own = bpf_map_lookup_elem(&intercept_stats, &index);

	if (own)
		own->dropped += packets;
	count_drop(reason, packets);
}

static __always_inline void add_mirrored(struct direction_counters *counters, __u64 packets, __u64 bytes)
{
	counters->packets += packets;
	counters->bytes += bytes;
}

static __always_inline struct intercept_counters *counters_of(__u32 index)
{
	return bpf_map_lookup_elem(&intercept_stats, &index);
}

/* `own`: the intercept's. */
static __always_inline void count_mirrored_of(struct totals *sum, struct intercept_counters *own, __u32 direction, __u64 packets, __u64 bytes)
{
	if (direction >= DIRECTIONS)
		return;
	if (own)
		add_mirrored(&own->mirrored[direction], packets, bytes);
	if (sum)
		add_mirrored(&sum->mirrored[direction], packets, bytes);
}

static __always_inline void count_mirrored(__u32 index, __u32 direction, __u64 packets, __u64 bytes)
{
	count_mirrored_of(own_totals(), counters_of(index), direction, packets, bytes);
}

static __always_inline void count_fragmented(__u64 packets)
{
	struct totals *sum = own_totals();

	if (sum)
		sum->fragmented += packets;
}

static __always_inline void count_through_stack(__u64 packets)
{
	struct totals *sum = own_totals();

	if (sum)
		sum->through_stack += packets;
}

/* A copy that an XDP program made. */
static __always_inline void count_by_xdp(__u32 index, __u32 direction, __u64 bytes)
{
	struct totals *sum = own_totals();

	if (sum)
		sum->by_xdp++;
	count_mirrored_of(sum, counters_of(index), direction, 1, bytes);
}

static __always_inline void count_excluded(__u32 index, __u64 packets)
{
	struct intercept_counters *own = bpf_map_lookup_elem(&intercept_stats, &index);
	struct totals *sum = own_totals();

	if (own)
		own->policy_excluded += packets;
	if (sum)
		sum->policy_excluded += packets;
}

#endif
