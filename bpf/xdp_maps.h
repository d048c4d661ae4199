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

struct fan_out {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, MAX_COPIES);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH_OF_MAPS);
	__uint(max_entries, 4096);
	__type(key, struct fan_out_key);
	__array(values, struct fan_out);
} fan_outs SEC(".maps");

/* From a tag on a device to the VLAN interface's ifindex, and back. */
struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct vlan_place);
	__type(value, __u32);
} vlan_interfaces SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 65536);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, __u32);
	__type(value, struct vlan_place);
} vlan_places SEC(".maps");

#endif
