/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/*
 * Super-packets that cannot be cut rightly after they were encapsulated.
 *
 * Since Linux 6.18 the kernel holds two notes on whether the packets of a TCP super-packet share one IPv4
 * identification: of the outermost header and of the inner one (SKB_GSO_TCP_FIXEDID, _INNER). When a program puts
 * a header in front, the note of what has become the inner header stays with the outer one, and the inner
 * identifications would be counted up: the copies would differ from the originals. Such a super-packet is cut
 * first. Before 6.18 one note stood for both. An object for kernels without kfuncs (6.1) is built without
 * READ_GSO_TYPE.
 */
#ifndef SUBMIRROR_GSO_H
#define SUBMIRROR_GSO_H

#define CHECKSUM_PARTIAL 3

#ifdef READ_GSO_TYPE
extern void *bpf_cast_to_kern_ctx(void *ctx) __ksym;
extern void *bpf_rdonly_cast(const void *pointer, __u32 btf_id) __ksym;

static __always_inline bool shares_identification(struct __sk_buff *skb)
{
	struct sk_buff *kernel_skb = bpf_cast_to_kern_ctx(skb);
	struct skb_shared_info *info;

	info = bpf_rdonly_cast(kernel_skb->head + kernel_skb->end, bpf_core_type_id_kernel(struct skb_shared_info));
	return info->gso_type & SKB_GSO_TCP_FIXEDID;
}

static __always_inline bool sums_are_complete(struct __sk_buff *skb)
{
	const struct sk_buff *kernel_skb = bpf_cast_to_kern_ctx(skb);

	return BPF_CORE_READ_BITFIELD(kernel_skb, ip_summed) != CHECKSUM_PARTIAL;
}
#else
static __always_inline bool sums_are_complete(__attribute__((unused)) struct __sk_buff *skb)
{
	return false;
}

static __always_inline bool shares_identification(__attribute__((unused)) struct __sk_buff *skb)
{
	return false;
}
#endif

static __always_inline bool must_be_cut_first(struct __sk_buff *skb, const struct packet *packet)
{
	return skb->gso_size && packet->ip_version == 4 && shares_identification(skb);
}

#endif
