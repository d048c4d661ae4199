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
static __always_inline __u64 read_clock(struct cpu_clock *clock)
{
	__u64 now = bpf_ktime_get_boot_ns();

	clock->jiffies = bpf_jiffies64();
	clock->boot_ns = now;
	return now;
}

static __always_inline __u64 precise_ns(void)
{
	struct cpu *cpu = own_cpu();

	return cpu ? read_clock(&cpu->clock) : bpf_ktime_get_boot_ns();
}

/* The boot clock as this CPU last read it: in this tick, or where ticks are late, less than RECENT_NS ago. */
static __always_inline __u64 recent_ns_of(struct cpu *cpu)
{
	return cpu->clock.jiffies == bpf_jiffies64() ? cpu->clock.boot_ns : read_clock(&cpu->clock);
}

static __always_inline __u64 recent_ns(void)
{
	struct cpu *cpu = own_cpu();

	return cpu ? recent_ns_of(cpu) : bpf_ktime_get_boot_ns();
}

#endif
