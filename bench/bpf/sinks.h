/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * The sinks: count what arrives, original and copy told apart by what they are, and take it. Frames that XDP
 * redirected are counted by XDP, packets that the stack sent by tc: each the way that costs the rig least, since on
 * real links no core of the node is busy with what has left it.
 */
#ifndef BENCH_SINKS_H
#define BENCH_SINKS_H

/* Not TC_ACT_SHOT: the kernel tells tracepoints of what is dropped, and there may be many who listen. */
#define TAKEN TC_ACT_STOLEN

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

/* A datagram to `port` at `offset` that ends where the frame ends. */
static __always_inline const struct iphdr *datagram_at(void *data, void *end, __u32 offset, __u32 frame_bytes,
							__u16 port)
{
	const struct iphdr *ip = data + offset;
	const struct udphdr *udp = (const void *)(ip + 1);

	if ((void *)(udp + 1) > end)
		return NULL;
	if (ip->version != 4 || ip->ihl != 5 || ip->protocol != IPPROTO_UDP || udp->dest != bpf_htons(port) ||
	    bpf_ntohs(ip->tot_len) + offset != frame_bytes)
		return NULL;
	return ip;
}

enum subscriber {
	NOBODY, /* not the generator's packet */
	OTHER_SUBSCRIBER,
	INTERCEPTED_SUBSCRIBER,
};

/* Whose packet lies at `offset`. */
static __always_inline enum subscriber subscriber_at(void *data, void *end, __u32 offset, __u32 frame_bytes)
{
	const struct iphdr *ip = datagram_at(data, end, offset, frame_bytes, DESTINATION_PORT);
	__u32 base;

	if (!ip)
		return NOBODY;
	base = bpf_ntohl(ip->saddr) & SUBSCRIBERS_MASK;
	if (base == INTERCEPTED_BASE)
		return INTERCEPTED_SUBSCRIBER;
	return base == OTHERS_BASE ? OTHER_SUBSCRIBER : NOBODY;
}

/* Of a copy, the subscriber; NOBODY where the frame is not a copy of this kind. */
static __always_inline enum subscriber copied_subscriber(void *data, void *end, __u32 frame_bytes, __u32 kind)
{
	__u32 offset = ETH_HLEN;

	if (kind == COPY_SHIM || kind == COPY_VXLAN) {
		if (!datagram_at(data, end, offset, frame_bytes, kind == COPY_SHIM ? SHIM_PORT : VXLAN_PORT))
			return NOBODY;
		offset += OUTER_BYTES + (kind == COPY_VXLAN ? ETH_HLEN : 0);
	}
	return subscriber_at(data, end, offset, frame_bytes) == INTERCEPTED_SUBSCRIBER ? INTERCEPTED_SUBSCRIBER : NOBODY;
}

static __always_inline void note(struct arrivals *arrivals, enum subscriber subscriber, __u32 bytes)
{
	if (subscriber == NOBODY) {
		arrivals->others++;
		return;
	}
	arrivals->packets++;
	arrivals->bytes += bytes;
	arrivals->intercepted += subscriber == INTERCEPTED_SUBSCRIBER;
}

static __always_inline void count_original(void *data, void *end, __u32 bytes)
{
	__u32 zero = 0;
	struct arrivals *arrivals = bpf_map_lookup_elem(&originals, &zero);

	if (arrivals)
		note(arrivals, subscriber_at(data, end, ETH_HLEN, bytes), bytes);
}

static __always_inline void count_copy(void *data, void *end, __u32 bytes)
{
	__u32 zero = 0;
	const struct sink_settings *settings = bpf_map_lookup_elem(&sinks, &zero);
	struct arrivals *arrivals = bpf_map_lookup_elem(&copies, &zero);

	if (arrivals && settings)
		note(arrivals, copied_subscriber(data, end, bytes, settings->copy_kind), bytes);
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
	return TAKEN;
}

SEC("tc")
int copy_tc(struct __sk_buff *skb)
{
	count_copy((void *)(long)skb->data, (void *)(long)skb->data_end, skb->len);
	return TAKEN;
}

#endif
