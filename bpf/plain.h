/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The plainest of copies: IPv4, under one intercept that surely wants it now, by a way that is known, and nothing else
 * about either that has to be asked. Most are like that, and take a straight line.
 */
#ifndef SUBMIRROR_PLAIN_H
#define SUBMIRROR_PLAIN_H

struct plain_copy {
	const struct intercept *intercept;
	struct intercept_counters *counters;
	struct cpu *cpu;
	struct route *route;
};

/* What makes the copy for intercept `index` of `length` bytes from the IP header on. False where it is not as plain. */
static __always_inline bool find_plain(struct plain_copy *copy, __u32 index, __u32 direction, __be32 address, __u32 length)
{
	const struct mediation_device *device;
	__u64 now;

	copy->intercept = bpf_map_lookup_elem(&intercepts, &index);
	copy->counters = counters_of(index);
	copy->cpu = own_cpu();
	if (!copy->intercept || !copy->counters || !copy->cpu)
		return false;
	now = recent_ns_of(copy->cpu);
	if (!surely_due(copy->intercept, direction, address, now))
		return false;
	fetch(copy->counters);
	device = bpf_map_lookup_elem(&mediation_devices, &copy->intercept->device);
	copy->route = bpf_map_lookup_elem(&routes, &copy->intercept->device);
	return device && copy->route && goes_as_usual(device, copy->route, length) && is_recent(copy->route, now);
}

static __always_inline void count_plain(const struct plain_copy *copy, __u32 direction, __u32 length)
{
	count_mirrored_of(&copy->cpu->totals, copy->counters, direction, 1, length);
}

#endif
