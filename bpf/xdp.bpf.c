// SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause)
/*
 * The XDP datapaths. They stand in front of the tc datapath and leave to it whatever they do not do themselves.
 *
 *   xdp_tap      a tap or SPAN interface: frame -> copy -> mediation interface
 *   xdp_forward  access and core interfaces: original -> next hop
 *                                                     -> mediation interface, there xdp_copy makes copies of it
 */
#define XDP_PROGRAMS
#include "kernel.h"
#include "types.h"
#include "maps.h"
#include "xdp_maps.h"
#include "counters.h"
#include "packet.h"
#include "sieve.h"
#include "match.h"
#include "headers.h"
#include "clock.h"
#include "route.h"
#include "outer.h"
#include "due.h"
#include "plain.h"
#include "xdp_frame.h"
#include "xdp_tap.h"
#include "xdp_copies.h"
#include "xdp_route.h"
#include "xdp_forward.h"

SEC("xdp.frags")
int xdp_tap(struct xdp_md *ctx)
{
	return tap(ctx);
}

SEC("xdp.frags")
int xdp_forward(struct xdp_md *ctx)
{
	return forward(ctx);
}

SEC("xdp.frags/devmap")
int xdp_copy(struct xdp_md *ctx)
{
	return make_copy(ctx);
}

char _license[] SEC("license") = "Dual BSD/GPL";
