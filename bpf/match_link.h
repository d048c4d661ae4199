/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Subscribers who are told by the link: an interface, VLAN tags, a PPPoE session. */
#ifndef SUBMIRROR_MATCH_LINK_H
#define SUBMIRROR_MATCH_LINK_H

/* What the link layer says of whose packet it is, in host byte order; 0: no such tag. */
struct link {
	__u16 outer_tag;
	__u16 inner_tag;
	__u16 pppoe_session;
};

static __always_inline void note_tag(struct link *link, __u16 tag)
{
	if (!link->outer_tag)
		link->outer_tag = tag;
	else
		link->inner_tag = tag;
}

static __always_inline void read_link(struct __sk_buff *skb, const struct packet *packet, struct link *link)
{
	__be16 protocol = skb->protocol;
	__u32 offset = packet->link_bytes;

	if (skb->vlan_present)
		note_tag(link, skb->vlan_tci & VLAN_ID_MASK);
	for (int tag = 0; tag < MAX_VLAN_TAGS; tag++) {
		if (!is_vlan(protocol))
			break;
		note_tag(link, bpf_ntohs(half_word_at(skb, offset)) & VLAN_ID_MASK);
		protocol = half_word_at(skb, offset + 2);
		offset += VLAN_HEADER_BYTES;
	}
	if (protocol == bpf_htons(ETH_P_PPP_SES))
		link->pppoe_session = bpf_ntohs(half_word_at(skb, offset + 2));
}

static __always_inline void select_link(struct selection *selection, const struct link_key *key)
{
	const struct targets *hit = bpf_map_lookup_elem(&links, key);

	if (hit)
		select_targets(selection, hit);
}

static __always_inline void match_vlan(const struct packet *packet, const struct link *link, struct selection *selection)
{
	struct link_key key = { .kind = LINK_VLAN, .ifindex_or_zone = packet->zone, .svlan = link->outer_tag };

	if (!link->outer_tag)
		return;
	select_link(selection, &key);
	if (!link->inner_tag)
		return;
	key.cvlan = link->inner_tag;
	select_link(selection, &key);
}

static __always_inline void match_pppoe(struct __sk_buff *skb, const struct packet *packet, const struct link *link,
					struct selection *selection)
{
	struct link_key key = { .kind = LINK_PPPOE, .ifindex_or_zone = packet->zone, .pppoe_session = link->pppoe_session };
	__u32 mac_offset = packet->direction == DIRECTION_FROM ? ETH_ALEN : 0;

	if (link->pppoe_session && !bpf_skb_load_bytes(skb, mac_offset, key.mac, ETH_ALEN))
		select_link(selection, &key);
}

SUBPROGRAM int match_link(struct __sk_buff *skb, const struct config *config, const struct packet *packet,
				 struct selection *selection)
{
	struct link_key interface = { .kind = LINK_INTERFACE, .ifindex_or_zone = skb->ifindex };
	struct link link = {};

	if (!config || !packet || !selection)
		return 0;
	if (config->flags & CONFIG_INTERFACES)
		select_link(selection, &interface);
	if (!(config->flags & (CONFIG_VLANS | CONFIG_PPPOE)) || !packet->link_bytes)
		return 0;
	read_link(skb, packet, &link);
	if (config->flags & CONFIG_VLANS)
		match_vlan(packet, &link, selection);
	if (config->flags & CONFIG_PPPOE)
		match_pppoe(skb, packet, &link, selection);
	return 0;
}

/*
 * True where surely no intercept matches: the first thing that is asked of a packet, since most are nobody's. Knows
 * plain IP packets, and only where subscribers are told by host addresses alone.
 */
static __always_inline bool is_nobodys(struct __sk_buff *skb, const struct config *config, __u32 direction,
				       __u32 link_bytes)
{
	void *header = (void *)(long)skb->data + link_bytes;
	void *end = (void *)(long)skb->data_end;
	__be16 protocol = skb->protocol;

	if (config->flags & CONFIG_LINKS)
		return false;
	if (protocol == bpf_htons(ETH_P_IP)) {
		const struct iphdr *ip = header;
		struct host4_key key;

		if (config->flags & CONFIG_PREFIXES4 || (void *)(ip + 1) > end)
			return false;
		key.zone = zone_of(skb->ifindex, config);
		key.address = direction == DIRECTION_FROM ? ip->saddr : ip->daddr;
		return !may_be_host4(config, &key);
	}
	if (protocol == bpf_htons(ETH_P_IPV6)) {
		const struct ipv6hdr *ip = header;
		const struct in6_addr *address = direction == DIRECTION_FROM ? &ip->saddr : &ip->daddr;

		if (config->flags & CONFIG_PREFIXES6 || (void *)(ip + 1) > end)
			return false;
		return !may_be_host6(config, zone_of(skb->ifindex, config), address->s6_addr);
	}
	return false;
}

/* True where at least one intercept matches. */
static __always_inline bool match(struct __sk_buff *skb, const struct config *config, struct packet *packet,
				  struct selection *selection)
{
	if (!packet->ip_version)
		return false;
	packet->zone = zone_of(skb->ifindex, config);
	match_address(config, packet, selection);
	if (config->flags & CONFIG_LINKS)
		match_link(skb, config, packet, selection);
	return selection->count;
}

#endif
