// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The rig around the node that is measured: a generator, two sinks, and the bare operations that the node's programs
 * are compared with.
 */
#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/pkt_cls.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

#include "traffic.h"
#include "generator.h"
#include "sinks.h"
#include "bare.h"

/* Only what something has is in the object's BTF, from which the codecs are made. */
const volatile struct {
	enum traffic_limits traffic_limits;
	enum copy_kind copy_kind;
} enumerations = {};

char _license[] SEC("license") = "Dual BSD/GPL";
