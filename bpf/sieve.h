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

/* Odd multipliers: the products of a key's words are independent of each other, so the processor computes them at once. */
#define SIEVE_ZONE 0x9e3779b1
#define SIEVE_LENGTH 0x85ebca77
#define SIEVE_WORD1 0xc2b2ae3d
#define SIEVE_WORD2 0x27d4eb2f
#define SIEVE_WORD3 0x165667b1
#define SIEVE_PLACES 0x2c1b3c6d

static __always_inline __u32 hash_host4(const struct host4_key *key)
{
	return spread(key->address ^ key->zone * SIEVE_ZONE);
}

static __always_inline __u32 hash_host6(const struct host6_key *key)
{
	const __u32 *words = (const __u32 *)key->address;
	__u32 hash = key->zone * SIEVE_ZONE + key->prefix_length * SIEVE_LENGTH;

	hash += words[0] ^ words[1] * SIEVE_WORD1;
	/* Behind a /64 or /56 there is nothing. */
	if (key->prefix_length == 128)
		hash += words[2] * SIEVE_WORD2 + words[3] * SIEVE_WORD3;
	return spread(hash);
}

/* False where no key of this hash is in the tables. */
static __always_inline bool may_be_there(const struct config *config, __u32 hash)
{
	__u32 index = hash & config->sieve_mask;
	const __u64 *word = bpf_map_lookup_elem(&sieve, &index);
	__u32 places = hash * SIEVE_PLACES;
	__u64 bits = 1ULL << (places >> 26) | 1ULL << (places >> 20 & 63) | 1ULL << (places >> 14 & 63);

	return !word || (*word & bits) == bits;
}

#endif
