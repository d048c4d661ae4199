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

static __always_inline const struct targets *match_host4(__u32 zone, const struct parsed *packet)
{
	struct host4_key key = { .zone = zone, .address = packet->address4 };

	return bpf_map_lookup_elem(&hosts4, &key);
}

static __always_inline const struct targets *match_host6(__u32 zone, const struct parsed *packet, __u32 length)
{
	struct host6_key key = { .zone = zone, .prefix_length = length };
	__u64 *words = (__u64 *)key.address;

	words[0] = packet->address6_words[0];
	if (length == 128)
		words[1] = packet->address6_words[1];
	if (length == 56)
		key.address[7] = 0;
	return bpf_map_lookup_elem(&hosts6, &key);
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
static __noinline int select_targets(struct selection *selection, const struct targets *targets)
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

/* True where at least one intercept matches. */
static __always_inline bool match(struct __sk_buff *skb, const struct config *config, const struct parsed *packet,
				  struct selection *selection)
{
	const struct targets *hit = NULL;
	__u32 zone;

	if (packet->ip_version == 4) {
		if (config->flags & CONFIG_HOSTS4)
			hit = match_host4(zone_of(skb, config), packet);
		if (hit)
			select_targets(selection, hit);
		return hit;
	}
	if (packet->ip_version != 6 || !(config->flags & (CONFIG_HOSTS6_128 | CONFIG_HOSTS6_64 | CONFIG_HOSTS6_56)))
		return false;
	zone = zone_of(skb, config);
	if (config->flags & CONFIG_HOSTS6_64 && (hit = match_host6(zone, packet, 64)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_HOSTS6_56 && (hit = match_host6(zone, packet, 56)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_HOSTS6_128 && (hit = match_host6(zone, packet, 128)))
		select_targets(selection, hit);
	return selection->count;
}

#endif
