/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The sinks: count what arrives, original and copy told apart by what they are, and drop it. Frames that XDP
 * redirected are counted by XDP, packets that the stack sent by tc: each the way that costs the rig least, since on
 * real links no core of the node is busy with what has left it.
 */
#ifndef BENCH_SINKS_H
#define BENCH_SINKS_H

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct arrivals);
} originals SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct arrivals);
} copies SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, struct sink_settings);
} sinks SEC(".maps");

static __always_inline void note(struct arrivals *arrivals, bool expected, __u32 bytes)
{
	if (!expected) {
		arrivals->others++;
		return;
	}
	arrivals->packets++;
	arrivals->bytes += bytes;
}

/* A datagram to `port` at `offset` that ends where the frame ends. */
static __always_inline bool is_datagram(void *data, void *end, __u32 offset, __u32 frame_bytes, __u16 port)
{
	struct iphdr *ip = data + offset;
	struct udphdr *udp = (void *)(ip + 1);

	if ((void *)(udp + 1) > end)
		return false;
	return ip->version == 4 && ip->ihl == 5 && ip->protocol == IPPROTO_UDP && udp->dest == bpf_htons(port) &&
	       bpf_ntohs(ip->tot_len) + offset == frame_bytes;
}

/* The generator's packet at `offset`. */
static __always_inline bool is_traffic(void *data, void *end, __u32 offset, __u32 frame_bytes, bool intercepted)
{
	struct iphdr *ip = data + offset;
	__u32 base;

	if (!is_datagram(data, end, offset, frame_bytes, DESTINATION_PORT))
		return false;
	base = bpf_ntohl(ip->saddr) & SUBSCRIBERS_MASK;
	return base == INTERCEPTED_BASE || (!intercepted && base == OTHERS_BASE);
}

static __always_inline bool is_copy(void *data, void *end, __u32 frame_bytes, __u32 kind)
{
	switch (kind) {
	case COPY_BARE:
	case COPY_PACKET:
		return is_traffic(data, end, ETH_HLEN, frame_bytes, true);
	case COPY_SHIM:
		return is_datagram(data, end, ETH_HLEN, frame_bytes, SHIM_PORT) &&
		       is_traffic(data, end, ETH_HLEN + 36, frame_bytes, true);
	case COPY_VXLAN:
		return is_datagram(data, end, ETH_HLEN, frame_bytes, VXLAN_PORT) &&
		       is_traffic(data, end, ETH_HLEN + 36 + ETH_HLEN, frame_bytes, true);
	}
	return false;
}

static __always_inline void count_original(void *data, void *end, __u32 bytes)
{
	__u32 zero = 0;
	struct arrivals *arrivals = bpf_map_lookup_elem(&originals, &zero);

	if (arrivals)
		note(arrivals, is_traffic(data, end, ETH_HLEN, bytes, false), bytes);
}

static __always_inline void count_copy(void *data, void *end, __u32 bytes)
{
	__u32 zero = 0;
	const struct sink_settings *settings = bpf_map_lookup_elem(&sinks, &zero);
	struct arrivals *arrivals = bpf_map_lookup_elem(&copies, &zero);

	if (arrivals && settings)
		note(arrivals, is_copy(data, end, bytes, settings->copy_kind), bytes);
}

SEC("xdp")
int original_xdp(struct xdp_md *xdp)
{
	count_original((void *)(long)xdp->data, (void *)(long)xdp->data_end, xdp->data_end - xdp->data);
	return XDP_DROP;
}

SEC("xdp")
int copy_xdp(struct xdp_md *xdp)
{
	count_copy((void *)(long)xdp->data, (void *)(long)xdp->data_end, xdp->data_end - xdp->data);
	return XDP_DROP;
}

SEC("tc")
int original_tc(struct __sk_buff *skb)
{
	count_original((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len);
	return TC_ACT_SHOT;
}

SEC("tc")
int copy_tc(struct __sk_buff *skb)
{
	count_copy((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len);
	return TC_ACT_SHOT;
}

#endif
