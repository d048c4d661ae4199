/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * A copy becomes a datagram for the mediation device: the link layer in front of its IP header is taken off, an
 * Ethernet header, the outer IP and UDP headers and the 8-byte shim are put on. Only ever called on a copy.
 * Returns 0, or drop_reason + 1.
 */
#ifndef SUBMIRROR_ENCAPSULATE_H
#define SUBMIRROR_ENCAPSULATE_H

struct plan {
	__u32 intercept;
	__u32 direction;
	__u32 ip_offset;
	__u32 ip_length;
	__u32 packets;
	__u8 source_mac[6];
	__u8 destination_mac[6];
};

struct outer4 {
	struct ethhdr ethernet;
	struct iphdr ip;
	struct udphdr udp;
	__be32 shim[2];
} __attribute__((packed));

struct outer6 {
	struct ethhdr ethernet;
	struct ipv6hdr ip;
	struct udphdr udp;
	__be32 shim[2];
} __attribute__((packed));

#define OUTER4_BYTES (sizeof(struct outer4) - ETH_HLEN)
#define OUTER6_BYTES (sizeof(struct outer6) - ETH_HLEN)

#define FAILED(reason) ((int)(reason) + 1)

static __always_inline __u32 outer_bytes(const struct mediation_device *device)
{
	return device->flags & DEVICE_IPV6 ? OUTER6_BYTES : OUTER4_BYTES;
}

static __always_inline int strip_vlan_tags(struct __sk_buff *skb, struct plan *plan)
{
	for (int tag = 0; tag < MAX_VLAN_TAGS; tag++) {
		bool in_packet = skb->protocol == bpf_htons(ETH_P_8021Q) || skb->protocol == bpf_htons(ETH_P_8021AD);

		if (!skb->vlan_present && !in_packet)
			break;
		if (bpf_skb_vlan_pop(skb))
			return FAILED(DROP_STRIP);
	}
	return 0;
}

/* Takes off what a short Ethernet frame was padded with. */
static __always_inline int trim_padding(struct __sk_buff *skb, const struct plan *plan)
{
	__u32 length = plan->ip_offset + plan->ip_length;

	if (skb->gso_size || skb->len <= length)
		return 0;
	return bpf_skb_change_tail(skb, length, 0) ? FAILED(DROP_TRIM) : 0;
}

static __always_inline int make_room(struct __sk_buff *skb, const struct mediation_device *device)
{
	__u64 flags = BPF_F_ADJ_ROOM_FIXED_GSO | BPF_F_ADJ_ROOM_ENCAP_L4_UDP | BPF_F_ADJ_ROOM_ENCAP_L2(SHIM_BYTES);
	__u32 bytes = outer_bytes(device);

	flags |= device->flags & DEVICE_IPV6 ? BPF_F_ADJ_ROOM_ENCAP_L3_IPV6 : BPF_F_ADJ_ROOM_ENCAP_L3_IPV4;
	return bpf_skb_adjust_room(skb, bytes, BPF_ADJ_ROOM_MAC, flags) ? FAILED(DROP_GROW) : 0;
}

static __always_inline void fill_ethernet(struct ethhdr *ethernet, const struct plan *plan, __u16 protocol)
{
	__builtin_memcpy(ethernet->h_source, plan->source_mac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_dest, plan->destination_mac, ETH_ALEN);
	ethernet->h_proto = bpf_htons(protocol);
}

/* The UDP checksum is 0: none. Junos sends it so; for IPv6 RFC 6935 allows it to tunnels. */
static __always_inline void fill_udp(struct udphdr *udp, const struct intercept *intercept,
				     const struct mediation_device *device, __u32 direction, __u32 length)
{
	udp->source = device->source_port;
	udp->dest = intercept->port[direction & 1];
	udp->len = bpf_htons(length);
	udp->check = 0;
}

static __always_inline __sum16 ipv4_checksum(const struct iphdr *ip)
{
	const __u16 *words = (const __u16 *)ip;
	__u32 sum = 0;

	for (int i = 0; i < IPV4_HEADER_BYTES / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline int put_outer4(struct __sk_buff *skb, const struct plan *plan,
				      const struct intercept *intercept, const struct mediation_device *device)
{
	__u32 length = plan->ip_length + OUTER4_BYTES;
	struct outer4 outer = {};

	fill_ethernet(&outer.ethernet, plan, ETH_P_IP);
	outer.ip.version = 4;
	outer.ip.ihl = IPV4_HEADER_BYTES / 4;
	outer.ip.tos = intercept->tos;
	/* Of a super-packet the kernel sets length, identification and checksum anew in each packet that it cuts. */
	outer.ip.tot_len = length > 0xffff ? 0 : bpf_htons(length);
	outer.ip.id = bpf_htons(take_ids(intercept->device, plan->packets));
	outer.ip.ttl = device->ttl;
	outer.ip.protocol = IPPROTO_UDP;
	__builtin_memcpy(&outer.ip.saddr, device->source, 4);
	__builtin_memcpy(&outer.ip.daddr, device->destination, 4);
	outer.ip.check = ipv4_checksum(&outer.ip);
	fill_udp(&outer.udp, intercept, device, plan->direction, length - IPV4_HEADER_BYTES);
	outer.shim[0] = intercept->shim[plan->direction & 1][0];
	outer.shim[1] = intercept->shim[plan->direction & 1][1];
	return bpf_skb_store_bytes(skb, 0, &outer, sizeof(outer), 0) ? FAILED(DROP_STORE) : 0;
}

static __always_inline int put_outer6(struct __sk_buff *skb, const struct plan *plan,
				      const struct intercept *intercept, const struct mediation_device *device)
{
	__u32 length = plan->ip_length + UDP_HEADER_BYTES + SHIM_BYTES;
	struct outer6 outer = {};

	fill_ethernet(&outer.ethernet, plan, ETH_P_IPV6);
	outer.ip.version = 6;
	outer.ip.priority = intercept->tos >> 4;
	outer.ip.flow_lbl[0] = intercept->tos << 4;
	outer.ip.payload_len = length > 0xffff ? 0 : bpf_htons(length);
	outer.ip.nexthdr = IPPROTO_UDP;
	outer.ip.hop_limit = device->ttl;
	__builtin_memcpy(&outer.ip.saddr, device->source, 16);
	__builtin_memcpy(&outer.ip.daddr, device->destination, 16);
	fill_udp(&outer.udp, intercept, device, plan->direction, length);
	outer.shim[0] = intercept->shim[plan->direction & 1][0];
	outer.shim[1] = intercept->shim[plan->direction & 1][1];
	return bpf_skb_store_bytes(skb, 0, &outer, sizeof(outer), 0) ? FAILED(DROP_STORE) : 0;
}

static __always_inline int encapsulate(struct __sk_buff *skb, struct plan *plan)
{
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &plan->intercept);
	const struct mediation_device *device;
	int failed;

	if (!intercept)
		return FAILED(DROP_STALE_INTERCEPT);
	device = bpf_map_lookup_elem(&mediation_devices, &intercept->device);
	if (!device)
		return FAILED(DROP_STALE_INTERCEPT);
	failed = trim_padding(skb, plan);
	if (!failed)
		failed = strip_vlan_tags(skb, plan);
	if (!failed)
		failed = make_room(skb, device);
	if (failed)
		return failed;
	return device->flags & DEVICE_IPV6 ? put_outer6(skb, plan, intercept, device)
					   : put_outer4(skb, plan, intercept, device);
}

#endif
