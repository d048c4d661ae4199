/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* The outer UDP checksum (RFC 768, RFC 8200 section 8.1), for mediation devices that do not take zero. */
#ifndef SUBMIRROR_CHECKSUM_H
#define SUBMIRROR_CHECKSUM_H

#define CHECKSUM_CHUNK 512
#define MAX_CHECKSUM_CHUNKS 129

struct checksum_chunk {
	__u8 bytes[CHECKSUM_CHUNK];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct checksum_chunk);
} checksum_chunks SEC(".maps");

struct pseudo_header {
	__u8 source[16];
	__u8 destination[16];
	__be32 length;
	__be32 protocol;
};

static __always_inline __u16 fold(__u64 sum)
{
	for (int i = 0; i < 4; i++)
		sum = (sum & 0xffff) + (sum >> 16);
	return sum;
}

struct summing {
	struct __sk_buff *skb;
	__u32 offset;
	__u32 left;
	long sum; /* negative: the packet cannot be read */
};

/* Adds the next CHECKSUM_CHUNK bytes, or what is left; what is behind the last byte counts as zero. */
static long add_chunk(__attribute__((unused)) __u32 index, void *context)
{
	struct summing *summing = context;
	__u32 zero = 0;
	struct checksum_chunk *chunk = bpf_map_lookup_elem(&checksum_chunks, &zero);
	__u32 bytes = summing->left < CHECKSUM_CHUNK ? summing->left : CHECKSUM_CHUNK;

	if (!bytes)
		return 1;
	if (!chunk) {
		summing->sum = -1;
		return 1;
	}
	if (bytes < CHECKSUM_CHUNK)
		__builtin_memset(chunk->bytes, 0, CHECKSUM_CHUNK);
	if (bpf_skb_load_bytes(summing->skb, summing->offset, chunk->bytes, bytes)) {
		summing->sum = -1;
		return 1;
	}
	summing->sum = bpf_csum_diff(NULL, 0, (__be32 *)chunk->bytes, CHECKSUM_CHUNK, summing->sum);
	summing->offset += bytes;
	summing->left -= bytes;
	return 0;
}

/* Of a single packet, its own checksums complete. `ip_length`: bytes of the inner packet. Returns 0, or drop_reason + 1. */
SUBPROGRAM int put_udp_checksum(struct __sk_buff *skb, __u32 ip_length, const struct mediation_device *device)
{
	__u32 length = UDP_HEADER_BYTES + SHIM_BYTES + ip_length;
	struct pseudo_header pseudo = {};
	struct summing summing = { .skb = skb, .left = length };
	__u32 offset = ETH_HLEN;
	__u16 check;
	long sum;

	if (!device)
		return FAILED(DROP_CHECKSUM);
	offset += device->flags & DEVICE_IPV6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
	__builtin_memcpy(pseudo.source, device->source, 16);
	__builtin_memcpy(pseudo.destination, device->destination, 16);
	pseudo.length = bpf_htonl(length);
	pseudo.protocol = bpf_htonl(IPPROTO_UDP);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&pseudo, sizeof(pseudo), 0);
	summing.offset = offset;
	summing.sum = sum;
	bpf_loop(MAX_CHECKSUM_CHUNKS, add_chunk, &summing, 0);
	if (summing.sum < 0 || summing.left)
		return FAILED(DROP_CHECKSUM);
	check = ~fold((__u32)summing.sum);
	if (!check)
		check = 0xffff;
	if (bpf_skb_store_bytes(skb, offset + offsetof(struct udphdr, check), &check, sizeof(check), 0))
		return FAILED(DROP_STORE);
	return 0;
}

#endif
