/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The boot clock, read once a tick by each CPU: in a virtual machine reading it takes as long as a look-up. Whoever
 * needs the time to the nanosecond asks for it.
 */
#ifndef SUBMIRROR_CLOCK_H
#define SUBMIRROR_CLOCK_H

/* recent_ns() is younger than this: a CPU that misses ticks for so long is stuck. */
#define RECENT_NS (1000 * NANOSECONDS_PER_MILLISECOND)

/* The boot clock now. */
static __always_inline __u64 precise_ns(void)
{
	__u32 zero = 0;
	struct cpu_clock *clock = bpf_map_lookup_elem(&cpu_clocks, &zero);
	__u64 now = bpf_ktime_get_boot_ns();

	if (clock) {
		clock->jiffies = bpf_jiffies64();
		clock->boot_ns = now;
	}
	return now;
}

/* The boot clock as this CPU last read it: in this tick, or where ticks are late, less than RECENT_NS ago. */
static __always_inline __u64 recent_ns(void)
{
	__u32 zero = 0;
	const struct cpu_clock *clock = bpf_map_lookup_elem(&cpu_clocks, &zero);

	if (clock && clock->jiffies == bpf_jiffies64())
		return clock->boot_ns;
	return precise_ns();
}

#endif
