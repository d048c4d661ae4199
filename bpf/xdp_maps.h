/* SPDX-License-Identifier: (GPL-2.0-only OR BSD-2-Clause) */
/* Maps that only the XDP programs use; all others are those of the tc object. */
#ifndef SUBMIRROR_XDP_MAPS_H
#define SUBMIRROR_XDP_MAPS_H

/* Mediation interfaces that take redirected frames, by ifindex. */
struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 256);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} mediation_ports SEC(".maps");

/* The original's way first, at key 0; the keys are the order in which the kernel queues. */
struct fan_out {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, MAX_COPIES + 1);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct fan_out_key);
	__array(values, struct fan_out);
} fan_outs SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct vlan_place);
	__type(value, struct way_in);
} ways_in SEC(".maps");

/*
 * The same for untagged frames of devices whose ifindex is small, as those of cards are: a look-up in a hash would take
 * longer than anything else that is done with a frame besides routing it. `ifindex` 0: see `ways_in`.
 */
struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 1024);
	__type(key, __u32);
	__type(value, struct way_in);
} device_ways_in SEC(".maps");

/* By the VLAN interface's ifindex. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct vlan_way_out);
} vlan_ways_out SEC(".maps");

/* More than the frames of one device's turn: NAPI gives it 64, a test run with live frames 256. */
#define BROADCASTS 256

/* An original with several copies, from its redirect until the last copy is made. */
struct broadcast {
	__u32 serial;
	__u32 count;
	__u32 made;
	__u32 intercept[MAX_COPIES];
};

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, BROADCASTS);
	__type(key, __u32);
	__type(value, struct broadcast);
} broadcasts SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 1);
	__type(key, __u32);
	__type(value, __u32);
} broadcast_serials SEC(".maps");

#endif
