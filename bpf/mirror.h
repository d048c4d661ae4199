/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* From a packet on an access interface to its copies: whose it is, and whether a copy is due now. */
#ifndef SUBMIRROR_MIRROR_H
#define SUBMIRROR_MIRROR_H

/* Sends the copy that the intercept is due, or counts why not. */
SUBPROGRAM int mirror(struct __sk_buff *skb, const struct packet *packet, __u32 index)
{
	const struct intercept *intercept = bpf_map_lookup_elem(&intercepts, &index);
	__u64 now = recent_ns();
	int failed = 0;

	if (!packet)
		return 0;
	if (!intercept) {
		count_lost_copy(index, DROP_STALE_INTERCEPT, packet->packets);
		return 0;
	}
	if (!due(intercept, packet, now))
		return 0;
	if (intercept->drop_policy && excluded(skb, packet, intercept->drop_policy)) {
		count_excluded(index, packet->packets);
		return 0;
	}
	if (intercept->bytes_per_second &&
	    !within_rate(intercept, index, bytes_to_leave(intercept, packet), precise_ns()))
		failed = FAILED(DROP_RATE);
	if (!failed)
		failed = send_copy(skb, packet, index, intercept, now);
	if (failed)
		count_lost_copy(index, failed - 1, packet->packets);
	return 0;
}

/* A copy on its way out must not be taken for the subscriber's traffic where their prefixes overlap. */
static __always_inline bool is_own_copy(struct __sk_buff *skb, const struct config *config)
{
	const struct handover *slot = own_slot();

	return (slot && slot->busy) || came_through_stack(skb, config);
}

/* The same for a packet that is as plain as its copy (plain.h). False where it is not; nothing was done then. */
static __always_inline bool mirror_plain(struct __sk_buff *skb, __u32 direction, __be32 address, __u32 length, __u32 index)
{
	struct plain_copy copy;
	int failed;

	if (skb->vlan_present || skb->gso_size || skb->len < ETH_HLEN + length ||
	    !find_plain(&copy, index, direction, address, length))
		return false;
	failed = send_prepared(skb, &copy.cpu->handover, copy.route, copy.intercept, direction, length);
	if (failed)
		count_lost_copy(index, failed - 1, 1);
	else
		count_plain(&copy, direction, length);
	return true;
}

/* What mirror_any() does with most packets, in fewer steps: IPv4, untagged, under one intercept. False: it is not such. */
static __always_inline bool mirror_usual(struct __sk_buff *skb, const struct config *config, __u32 direction,
					 __u32 link_bytes)
{
	const struct iphdr *ip = (void *)(long)skb->data + link_bytes;
	const struct targets *targets;
	struct host4_key key = {};
	__u32 index, length;

	if (config->flags & (CONFIG_LINKS | CONFIG_PREFIXES4) || skb->protocol != bpf_htons(ETH_P_IP) ||
	    (void *)(ip + 1) > (void *)(long)skb->data_end || ip->version != 4)
		return false;
	key.zone = zone_of(skb->ifindex, config);
	key.address = direction == DIRECTION_FROM ? ip->saddr : ip->daddr;
	if (!may_be_host4(config, &key))
		return true;
	if (direction == DIRECTION_TO && is_own_copy(skb, config))
		return true;
	targets = bpf_map_lookup_elem(&hosts4, &key);
	if (!targets)
		return true;
	if (targets->count != 1)
		return false;
	index = targets->intercept[0];
	length = bpf_ntohs(ip->tot_len);
	if (!link_bytes || length < IPV4_HEADER_BYTES || length < ip->ihl * 4 ||
	    !mirror_plain(skb, direction, key.address, length, index)) {
		struct packet packet = {
			.direction = direction,
			.link_bytes = link_bytes,
			.ip_offset = link_bytes,
			.ip_version = 4,
			.zone = key.zone,
			.address4 = key.address,
		};

		note_header(&packet, ip->ihl * 4, length, ip->protocol);
		measure(skb, &packet);
		mirror(skb, &packet, index);
	}
	return true;
}

static __always_inline void mirror_any(struct __sk_buff *skb, const struct config *config, __u32 direction,
				       __u32 link_bytes)
{
	struct selection selection = {};
	struct packet packet = { .direction = direction, .link_bytes = link_bytes };

	if (is_nobodys(skb, config, direction, link_bytes))
		return;
	if (direction == DIRECTION_TO && is_own_copy(skb, config))
		return;
	parse(skb, &packet);
	if (!match(skb, config, &packet, &selection))
		return;
	measure(skb, &packet);
	for (__u32 i = 0; i < MAX_COPIES; i++) {
		if (i >= selection.count)
			break;
		mirror(skb, &packet, selection.intercept[i]);
	}
	if (selection.refused)
		count_drop(DROP_TOO_MANY_COPIES, (__u64)selection.refused * packet.packets);
}

/* Mirrors a packet on an access interface. The packet itself is only read. */
static __always_inline void mirror_packet(struct __sk_buff *skb, __u32 direction, __u32 link_bytes)
{
	__u32 zero = 0;
	const struct config *config = bpf_map_lookup_elem(&configs, &zero);

	if (config && config->flags && !mirror_usual(skb, config, direction, link_bytes))
		mirror_any(skb, config, direction, link_bytes);
}

#endif
