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

/* Sum over `length` bytes of the packet from `offset` on; negative where they cannot be read. */
static __always_inline __s64 sum_of_packet(struct __sk_buff *skb, __u32 offset, __u32 length, __u32 sum)
{
	__u32 zero = 0;
	struct checksum_chunk *chunk = bpf_map_lookup_elem(&checksum_chunks, &zero);
	__s64 added;

	if (!chunk)
		return -1;
	for (int i = 0; i < MAX_CHECKSUM_CHUNKS; i++) {
		__u32 bytes = length;

		if (!length)
			return sum;
		if (bytes >= CHECKSUM_CHUNK) {
			bytes = CHECKSUM_CHUNK;
			if (bpf_skb_load_bytes(skb, offset, chunk->bytes, CHECKSUM_CHUNK))
				return -1;
		} else {
			__builtin_memset(chunk->bytes, 0, CHECKSUM_CHUNK);
			/* The mask keeps a bound that the verifier sees; `bytes` is 1 to 511 here. */
			bytes &= CHECKSUM_CHUNK - 1;
			if (bytes && bpf_skb_load_bytes(skb, offset, chunk->bytes, bytes))
				return -1;
		}
		added = bpf_csum_diff(NULL, 0, (__be32 *)chunk->bytes, CHECKSUM_CHUNK, sum);
		if (added < 0)
			return -1;
		sum = added;
		offset += bytes;
		length -= bytes;
	}
	return -1;
}

/* Of a single packet, its own checksums complete. `ip_length`: bytes of the inner packet. Returns 0, or drop_reason + 1. */
static __noinline int put_udp_checksum(struct __sk_buff *skb, __u32 ip_length, const struct mediation_device *device)
{
	__u32 length = UDP_HEADER_BYTES + SHIM_BYTES + ip_length;
	struct pseudo_header pseudo = {};
	__u32 offset = ETH_HLEN;
	__s64 sum;
	__u16 check;

	if (!device)
		return FAILED(DROP_CHECKSUM);
	offset += device->flags & DEVICE_IPV6 ? IPV6_HEADER_BYTES : IPV4_HEADER_BYTES;
	__builtin_memcpy(pseudo.source, device->source, 16);
	__builtin_memcpy(pseudo.destination, device->destination, 16);
	pseudo.length = bpf_htonl(length);
	pseudo.protocol = bpf_htonl(IPPROTO_UDP);
	sum = bpf_csum_diff(NULL, 0, (__be32 *)&pseudo, sizeof(pseudo), 0);
	if (sum < 0)
		return FAILED(DROP_CHECKSUM);
	sum = sum_of_packet(skb, offset, length, sum);
	if (sum < 0)
		return FAILED(DROP_CHECKSUM);
	check = ~fold((__u32)sum);
	if (!check)
		check = 0xffff;
	if (bpf_skb_store_bytes(skb, offset + offsetof(struct udphdr, check), &check, sizeof(check), 0))
		return FAILED(DROP_STORE);
	return 0;
}

#endif
