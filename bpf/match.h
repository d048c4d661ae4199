/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Which intercepts a packet is under. A kind of match that nobody uses costs one test of a flag. */
#ifndef SUBMIRROR_MATCH_H
#define SUBMIRROR_MATCH_H

#define CONFIG_LINKS (CONFIG_INTERFACES | CONFIG_VLANS | CONFIG_PPPOE)

static __always_inline __u32 zone_of(__u32 ifindex, const struct config *config)
{
	__u32 *zone;

	if (!(config->flags & CONFIG_ZONES))
		return 0;
	zone = bpf_map_lookup_elem(&zones, &ifindex);
	return zone ? *zone : 0;
}

static __always_inline const struct targets *match_host4(const struct config *config, const struct packet *packet)
{
	struct host4_key key = { .zone = packet->zone, .address = packet->address4 };

	return may_be_there(config, hash_host4(&key)) ? bpf_map_lookup_elem(&hosts4, &key) : NULL;
}

static __always_inline const struct targets *match_host6(const struct config *config, const struct packet *packet,
							 __u32 length)
{
	struct host6_key key = { .zone = packet->zone, .prefix_length = length };

	__builtin_memcpy(key.address, packet->address6, length == 128 ? 16 : 8);
	if (length == 56)
		key.address[7] = 0;
	return may_be_there(config, hash_host6(&key)) ? bpf_map_lookup_elem(&hosts6, &key) : NULL;
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

static __always_inline bool sieved_host6(const struct config *config, struct host6_key *key, const __u8 *address,
					 __u32 length)
{
	key->prefix_length = length;
	__builtin_memcpy(key->address, address, length == 128 ? 16 : 8);
	if (length == 56)
		key->address[7] = 0;
	return may_be_there(config, hash_host6(key));
}

/* False where no host key of the address is in the tables. */
static __always_inline bool may_be_host6(const struct config *config, __u32 zone, const __u8 *address)
{
	struct host6_key key = { .zone = zone };

	return (config->flags & CONFIG_HOSTS6_64 && sieved_host6(config, &key, address, 64)) ||
	       (config->flags & CONFIG_HOSTS6_56 && sieved_host6(config, &key, address, 56)) ||
	       (config->flags & CONFIG_HOSTS6_128 && sieved_host6(config, &key, address, 128));
}

static __always_inline bool may_be_host4(const struct config *config, const struct host4_key *key)
{
	return config->flags & CONFIG_HOSTS4 && may_be_there(config, hash_host4(key));
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

/* The usual case of one intercept takes no loop. A subprogram of its own, so that the verifier walks it once and not once for each kind of match. */
SUBPROGRAM int select_targets(struct selection *selection, const struct targets *targets)
{
	if (!selection || !targets)
		return 0;
	if (!selection->count && targets->count == 1) {
		selection->intercept[0] = targets->intercept[0];
		selection->count = 1;
		return 0;
	}
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

static __always_inline void match_ipv4(const struct config *config, const struct packet *packet,
				       struct selection *selection)
{
	const struct targets *hit;

	if (config->flags & CONFIG_HOSTS4 && (hit = match_host4(config, packet)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_PREFIXES4 && (hit = match_prefix4(packet)))
		select_targets(selection, hit);
}

static __always_inline void match_ipv6(const struct config *config, const struct packet *packet,
				       struct selection *selection)
{
	const struct targets *hit;

	if (config->flags & CONFIG_HOSTS6_64 && (hit = match_host6(config, packet, 64)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_HOSTS6_56 && (hit = match_host6(config, packet, 56)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_HOSTS6_128 && (hit = match_host6(config, packet, 128)))
		select_targets(selection, hit);
	if (config->flags & CONFIG_PREFIXES6 && (hit = match_prefix6(packet)))
		select_targets(selection, hit);
}

/* Adds the intercepts on the subscriber's address. The packet's zone is set. */
static __always_inline void match_address(const struct config *config, const struct packet *packet,
					  struct selection *selection)
{
	if (packet->ip_version == 4)
		match_ipv4(config, packet, selection);
	else
		match_ipv6(config, packet, selection);
}

#endif
