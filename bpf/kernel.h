/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * What the programs know of the kernel: its user-space headers, and of its own structures only the members that are
 * read, which libbpf relocates to the running kernel (CO-RE).
 */
#ifndef SUBMIRROR_KERNEL_H
#define SUBMIRROR_KERNEL_H

#include <stdbool.h>
#include <stddef.h>

#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/in.h>
#include <linux/in6.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>

#include <bpf/bpf_endian.h>
#include <bpf/bpf_core_read.h>
#include <bpf/bpf_helpers.h>

/* Since Linux 6.6, respectively 6.3; headers may be older than the kernel. The verdict has the value of
 * TC_ACT_UNSPEC: under clsact, too, the packet goes on as if we were not there. */
#define VERDICT_NEXT -1
#define FIB_LOOKUP_SKIP_NEIGH 4

/*
 * A function that the verifier proves once, for any arguments, and not again on every path that leads to it. Its
 * pointers are to be checked for NULL.
 */
#define SUBPROGRAM __attribute__((noinline))

/* What the running program was called with, for helpers that both kinds of program have. */
#ifdef XDP_PROGRAMS
typedef struct xdp_md program_context;
#else
typedef struct __sk_buff program_context;
#endif

#define TC_ACT_OK 0
#define TC_ACT_SHOT 2
#define PACKET_HOST 0

#define AF_INET 2
#define AF_INET6 10

#define PPP_IP 0x0021
#define PPP_IPV6 0x0057

#define VLAN_HEADER_BYTES 4
#define VLAN_ID_MASK 0x0fff
#define PPPOE_SESSION_BYTES 8
#define IPV4_HEADER_BYTES 20
#define IPV4_FRAGMENT_OFFSET_MASK 0x1fff
#define IPV4_MORE_FRAGMENTS 0x2000
#define IPV6_FRAGMENT_OFFSET_MASK 0xfff8
#define IPV6_HEADER_BYTES 40
#define IPV6_FRAGMENT_BYTES 8
#define IPV6_MIN_MTU 1280
#define UDP_HEADER_BYTES 8
#define SHIM_BYTES 8

/* The length of what stands between the UDP header and the inner packet, for bpf_skb_adjust_room. */
#define ADJ_ROOM_ENCAP_L2(bytes) (((__u64)(bytes) & BPF_ADJ_ROOM_ENCAP_L2_MASK) << BPF_ADJ_ROOM_ENCAP_L2_SHIFT)

#define NANOSECONDS_PER_MILLISECOND 1000000ULL

struct skb_shared_info {
	unsigned int gso_type;
} __attribute__((preserve_access_index));

struct ns_common {
	unsigned int inum;
} __attribute__((preserve_access_index));

struct net {
	struct ns_common ns;
} __attribute__((preserve_access_index));

typedef struct {
	struct net *net;
} __attribute__((preserve_access_index)) possible_net_t;

struct net_device {
	int ifindex;
	possible_net_t nd_net;
} __attribute__((preserve_access_index));

struct sk_buff {
	unsigned char *head;
	unsigned int end;
	struct net_device *dev;
	unsigned long _skb_refdst;
	__u8 ip_summed : 2;
	int skb_iif;
	__u32 hash;
	__be16 protocol;
	__u16 network_header; /* offset from `head` */
} __attribute__((preserve_access_index));

/* Values differ from kernel to kernel; these are only names. */
enum skb_drop_reason {
	SKB_DROP_REASON_NOT_SPECIFIED = 1,
	SKB_DROP_REASON_TC_INGRESS = 2,
};

/* Of Linux 6.18 and later; see gso.h. Before, the bit had no meaning. */
#define SKB_GSO_TCP_FIXEDID (1u << 30)

#endif
