/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The kernel's types (from its BTF) and the constants that BTF does not carry. */
#ifndef SUBMIRROR_KERNEL_H
#define SUBMIRROR_KERNEL_H

#include "vmlinux.h"

#include <bpf/bpf_endian.h>
#include <bpf/bpf_helpers.h>

/* Verdicts. TCX_NEXT has the value of TC_ACT_UNSPEC: under clsact, too, the packet goes on as if we were not there. */
#define TCX_NEXT -1
#define TC_ACT_OK 0
#define TC_ACT_SHOT 2

#define ETH_ALEN 6
#define ETH_HLEN 14
#define ETH_P_IP 0x0800
#define ETH_P_IPV6 0x86dd
#define ETH_P_8021Q 0x8100
#define ETH_P_8021AD 0x88a8
#define ETH_P_PPP_SES 0x8864
#define PPP_IP 0x0021
#define PPP_IPV6 0x0057

#define AF_INET 2
#define AF_INET6 10

#define VLAN_HEADER_BYTES 4
#define PPPOE_SESSION_BYTES 8
#define IPV4_HEADER_BYTES 20
#define IPV6_HEADER_BYTES 40
#define UDP_HEADER_BYTES 8
#define SHIM_BYTES 8

#define PACKET_HOST 0

/* The length of what stands between the UDP header and the inner packet, for bpf_skb_adjust_room. */
#define BPF_F_ADJ_ROOM_ENCAP_L2(bytes) (((__u64)(bytes) & BPF_ADJ_ROOM_ENCAP_L2_MASK) << BPF_ADJ_ROOM_ENCAP_L2_SHIFT)

#define NANOSECONDS_PER_MILLISECOND 1000000ULL

#endif
