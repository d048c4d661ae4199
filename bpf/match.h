/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which intercepts a packet is under. A kind of match that nobody uses costs one test of a flag. */
#ifndef SUBMIRROR_MATCH_H
#define SUBMIRROR_MATCH_H

static __always_inline __u32 zone_of(struct __sk_buff *skb, const struct config *config)
{
	__u32 ifindex = skb->ifindex;
	__u32 *zone;

	if (!(config->flags & CONFIG_ZONES))
		return 0;
	zone = bpf_map_lookup_elem(&zones, &ifindex);
	return zone ? *zone : 0;
}

static __always_inline const struct targets *match_host4(const struct packet *packet)
{
	struct host4_key key = { .zone = packet->zone, .address = packet->address4 };

	return bpf_map_lookup_elem(&hosts4, &key);
}

static __always_inline const struct targets *match_host6(const struct packet *packet, __u32 length)
{
	struct host6_key key = { .zone = packet->zone, .prefix_length = length };

	__builtin_memcpy(key.address, packet->address6, length == 128 ? 16 : 8);
	if (length == 56)
		key.address[7] = 0;
	return bpf_map_lookup_elem(&hosts6, &key);
}

static __always_inline const struct targets *match_prefix4(const struct packet *packet)
{
	struct prefix4_key key = { .prefix_length = 64, .zone = bpf_htonl(packet->zone), .address = packet->address4 };

	return bpf_map_lookup_elem(&prefixes4, &key);
}

static __always_inline const struct targets *match_prefix6(const struct packet *packet)
{
	struct prefix6_key key = { .prefix_length = 160, .zone = bpf_htonl(packet->zone) };

	__builtin_memcpy(key.address, packet->address6, 16);
	return bpf_map_lookup_elem(&prefixes6, &key);
}

/* The intercepts that took this packet, each once. */
struct selection {
	__u32 count;
	__u32 refused; /* beyond MAX_COPIES */
	__u32 intercept[MAX_COPIES];
};

static __always_inline bool selected(const struct selection *selection, __u32 intercept)
{
	for (__u32 i = 0; i < MAX_COPIES; i++)
		if (i < selection->count && selection->intercept[i] == intercept)
			return true;
	return false;
}

/* A subprogram of its own, so that the verifier walks it once and not once for each kind of match. */
SUBPROGRAM int select_targets(struct selection *selection, const struct targets *targets)
{
	if (!selection || !targets)
		return 0;
	for (__u32 i = 0; i < MAX_COPIES; i++) {
		__u32 intercept = targets->intercept[i];

		if (i >= targets->count)
			break;
		if (selected(selection, intercept))
			continue;
		if (selection->count >= MAX_COPIES) {
			selection->refused++;
			continue;
		}
		selection->intercept[selection->count & (MAX_COPIES - 1)] = intercept;
		selection->count++;
	}
	return 0;
}

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

static __always_inline void match_ipv4(const struct config *config, const struct packet *packet,
				       struct selection *selection)
{
	const struct targets *hit;

	if (config->flags & CONFIG_HOSTS4 && (hit = match_host4(packet)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_PREFIXES4 && (hit = match_prefix4(packet)))
		select_targets(selection, hit);
}

static __always_inline void match_ipv6(const struct config *config, const struct packet *packet,
				       struct selection *selection)
{
	const struct targets *hit;

	if (config->flags & CONFIG_HOSTS6_64 && (hit = match_host6(packet, 64)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_HOSTS6_56 && (hit = match_host6(packet, 56)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_HOSTS6_128 && (hit = match_host6(packet, 128)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_PREFIXES6 && (hit = match_prefix6(packet)))
		select_targets(selection, hit);
}

#define CONFIG_LINKS (CONFIG_INTERFACES | CONFIG_VLANS | CONFIG_PPPOE)

/* True where at least one intercept matches. */
static __always_inline bool match(struct __sk_buff *skb, const struct config *config, struct packet *packet,
				  struct selection *selection)
{
	if (!packet->ip_version)
		return false;
	packet->zone = zone_of(skb, config);
	if (packet->ip_version == 4)
		match_ipv4(config, packet, selection);
	else
		match_ipv6(config, packet, selection);
	if (config->flags & CONFIG_LINKS)
		match_link(skb, config, packet, selection);
	return selection->count;
}

#endif
