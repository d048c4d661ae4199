/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Tells cheaply of most host keys that they are not in the tables. sieve.ts hashes alike. */
#ifndef SUBMIRROR_SIEVE_H
#define SUBMIRROR_SIEVE_H

/* A bijection of 32 bits that spreads close values well (the multipliers are known as lowbias32). */
static __always_inline __u32 spread(__u32 value)
{
	value ^= value >> 16;
	value *= 0x7feb352d;
	value ^= value >> 15;
	value *= 0x846ca68b;
	return value ^ value >> 16;
}

static __always_inline __u32 hash_host4(const struct host4_key *key)
{
	return spread(spread(key->zone) ^ key->address);
}

static __always_inline __u32 hash_host6(const struct host6_key *key)
{
	const __u32 *words = (const __u32 *)key->address;
	__u32 hash = spread(spread(key->zone) ^ key->prefix_length);

	hash = spread(hash ^ words[0]);
	hash = spread(hash ^ words[1]);
	/* Behind a /64 or /56 there is nothing. */
	if (key->prefix_length == 128) {
		hash = spread(hash ^ words[2]);
		hash = spread(hash ^ words[3]);
	}
	return hash;
}

/* False where no key of this hash is in the tables. */
static __always_inline bool may_be_there(const struct config *config, __u32 hash)
{
	__u32 index = hash & config->sieve_mask;
	const __u64 *word = bpf_map_lookup_elem(&sieve, &index);
	__u32 places = spread(~hash);
	__u64 bits = 1ULL << (places & 63) | 1ULL << (places >> 6 & 63) | 1ULL << (places >> 12 & 63);

	return !word || (*word & bits) == bits;
}

#endif
