/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The generator: run with BPF_F_TEST_XDP_LIVE_FRAMES. Its pages come back as forwarding left them, so every header
 * is written anew.
 */
#ifndef BENCH_GENERATOR_H
#define BENCH_GENERATOR_H

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct traffic);
} traffics SEC(".maps");

/* The edge's access link, seen from outside. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} outlets SEC(".maps");

static __always_inline __u32 next_random(struct traffic *traffic)
{
	__u32 x = traffic->random;

	x ^= x << 13;
	x ^= x >> 17;
	x ^= x << 5;
	traffic->random = x;
	return x;
}

/* A number below `limit`, without a division. */
static __always_inline __u32 below(__u32 random, __u32 limit)
{
	return ((__u64)random * limit) >> 32;
}

static __always_inline __u16 header_checksum(const struct iphdr *ip)
{
	const __u16 *words = (const __u16 *)ip;
	__u32 sum = 0;

	for (int i = 0; i < sizeof(*ip) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	sum = (sum & 0xffff) + (sum >> 16);
	return ~sum;
}

static __always_inline void write_headers(struct traffic *traffic, struct ethhdr *ethernet, struct iphdr *ip,
					  struct udphdr *udp, __u16 size)
{
	__u32 flow = below(next_random(traffic), traffic->flows);
	__u32 subscriber = flow * traffic->stride;
	bool intercepted = (next_random(traffic) & (WHOLE_SHARE - 1)) < traffic->intercepted;

	if (subscriber >= traffic->subscribers)
		subscriber %= traffic->subscribers;
	__builtin_memcpy(ethernet->h_dest, traffic->destination_mac, ETH_ALEN);
	__builtin_memcpy(ethernet->h_source, traffic->source_mac, ETH_ALEN);
	ethernet->h_proto = bpf_htons(ETH_P_IP);
	__builtin_memset(ip, 0, sizeof(*ip));
	ip->version = 4;
	ip->ihl = 5;
	ip->tot_len = bpf_htons(size - ETH_HLEN);
	ip->id = bpf_htons(traffic->sequence);
	ip->ttl = 64;
	ip->protocol = IPPROTO_UDP;
	ip->saddr = bpf_htonl((intercepted ? INTERCEPTED_BASE : OTHERS_BASE) + subscriber);
	ip->daddr = bpf_htonl(DESTINATION_BASE + 2 + (flow & 0x7f));
	ip->check = header_checksum(ip);
	udp->source = bpf_htons(1024 + (flow & 0x7fff));
	udp->dest = bpf_htons(DESTINATION_PORT);
	udp->len = bpf_htons(size - ETH_HLEN - sizeof(*ip));
	udp->check = 0;
}

SEC("xdp")
int generate(struct xdp_md *xdp)
{
	__u32 zero = 0;
	struct traffic *traffic = bpf_map_lookup_elem(&traffics, &zero);
	void *data = (void *)(long)xdp->data;
	void *end = (void *)(long)xdp->data_end;
	struct ethhdr *ethernet = data;
	struct iphdr *ip = data + ETH_HLEN;
	struct udphdr *udp = (void *)(ip + 1);
	__u32 turn, size;

	if (!traffic || (void *)(udp + 1) > end)
		return XDP_ABORTED;
	turn = traffic->turn;
	if (turn >= SIZES)
		turn = 0;
	traffic->turn = turn + 1;
	size = traffic->sizes[turn];
	write_headers(traffic, ethernet, ip, udp, size);
	traffic->sequence++;
	if (end - data != size && bpf_xdp_adjust_tail(xdp, (int)size - (int)(end - data)))
		return XDP_ABORTED;
	return bpf_redirect_map(&outlets, 0, XDP_ABORTED);
}

#endif
