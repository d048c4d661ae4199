/**
 * Numbers of the kernel's user space interface (include/uapi/linux/bpf.h). They never change once released. The tests
 * compare the tables here with the running kernel's own BTF; flags that are macros there show in what they do.
 */

/** Index = number of the map type. */
export const MAP_TYPES = [
  "unspec",
  "hash",
  "array",
  "prog_array",
  "perf_event_array",
  "percpu_hash",
  "percpu_array",
  "stack_trace",
  "cgroup_array",
  "lru_hash",
  "lru_percpu_hash",
  "lpm_trie",
  "array_of_maps",
  "hash_of_maps",
  "devmap",
  "sockmap",
  "cpumap",
  "xskmap",
  "sockhash",
  "cgroup_storage",
  "reuseport_sockarray",
  "percpu_cgroup_storage",
  "queue",
  "stack",
  "sk_storage",
  "devmap_hash",
  "struct_ops",
  "ringbuf",
  "inode_storage",
  "task_storage",
  "bloom_filter",
  "user_ringbuf",
  "cgrp_storage",
  "arena",
] as const;
export type MapType = (typeof MAP_TYPES)[number] | "unknown";

/** Index = number of the program type. */
export const PROGRAM_TYPES = [
  "unspec",
  "socket_filter",
  "kprobe",
  "sched_cls",
  "sched_act",
  "tracepoint",
  "xdp",
  "perf_event",
  "cgroup_skb",
  "cgroup_sock",
  "lwt_in",
  "lwt_out",
  "lwt_xmit",
  "sock_ops",
  "sk_skb",
  "cgroup_device",
  "sk_msg",
  "raw_tracepoint",
  "cgroup_sock_addr",
  "lwt_seg6local",
  "lirc_mode2",
  "sk_reuseport",
  "flow_dissector",
  "cgroup_sysctl",
  "raw_tracepoint_writable",
  "cgroup_sockopt",
  "tracing",
  "struct_ops",
  "ext",
  "lsm",
  "sk_lookup",
  "syscall",
  "netfilter",
] as const;
export type ProgramType = (typeof PROGRAM_TYPES)[number] | "unknown";

export function mapTypeName(number: number): MapType {
  return MAP_TYPES[number] ?? "unknown";
}

export function programTypeName(number: number): ProgramType {
  return PROGRAM_TYPES[number] ?? "unknown";
}

/** enum bpf_cmd, the commands that go through bpf(2) itself rather than through libbpf. */
export const COMMAND = {
  PROG_TEST_RUN: 10,
  PROG_QUERY: 16,
  RAW_TRACEPOINT_OPEN: 17,
  LINK_CREATE: 28,
  LINK_UPDATE: 29,
} as const;

/** enum bpf_attach_type */
export const ATTACH_TYPE = { XDP: 37, TCX_INGRESS: 46, TCX_EGRESS: 47 } as const;

/** enum bpf_link_type */
export const LINK_TYPE = { XDP: 6, TCX: 11 } as const;

/** Flags of BPF_LINK_CREATE for multi-program hooks. */
export const ORDER_FLAG = { BEFORE: 1 << 3, AFTER: 1 << 4, ID: 1 << 5, LINK: 1 << 13 } as const;

/** Flags of BPF_LINK_UPDATE. */
export const UPDATE_FLAG = { REPLACE: 1 << 2 } as const;

/** Flags of BPF_PROG_TEST_RUN. */
export const TEST_FLAG = { XDP_LIVE_FRAMES: 1 << 1 } as const;

/** Flags of an XDP link (include/uapi/linux/if_link.h). */
export const XDP_FLAG = { GENERIC: 1 << 1, NATIVE: 1 << 2, OFFLOAD: 1 << 3 } as const;

/** Flags of an update of a map element. */
export const UPDATE_MODE = { any: 0, noexist: 1, exist: 2 } as const;

/** enum bpf_func_id, the helpers that are probed for. */
export const HELPER = { ktime_get_boot_ns: 125 } as const;

/** Type of BPF_ENABLE_STATS: run time and run count. */
export const STATS_RUN_TIME = 0;

/** Byte offsets in `union bpf_attr`, by the member structure and the names in it. */
export const ATTR = {
  test: {
    prog_fd: 0,
    retval: 4,
    data_size_in: 8,
    data_size_out: 12,
    data_in: 16,
    data_out: 24,
    repeat: 32,
    duration: 36,
    ctx_size_in: 40,
    ctx_size_out: 44,
    ctx_in: 48,
    ctx_out: 56,
    flags: 64,
    cpu: 68,
    batch_size: 72,
  },
  query: {
    target_ifindex: 0,
    attach_type: 4,
    query_flags: 8,
    attach_flags: 12,
    prog_ids: 16,
    count: 24,
    prog_attach_flags: 32,
    link_ids: 40,
    link_attach_flags: 48,
    revision: 56,
  },
  raw_tracepoint: { name: 0, prog_fd: 8 },
  link_create: {
    prog_fd: 0,
    target_ifindex: 4,
    attach_type: 8,
    flags: 12,
    "tcx.relative_fd": 16,
    "tcx.expected_revision": 24,
  },
  link_update: { link_fd: 0, new_prog_fd: 4, flags: 8, old_prog_fd: 12 },
} as const;

/** Bytes of `union bpf_attr` that we pass. The kernel takes fewer than it knows, and more where the rest is zero. */
export const ATTR_BYTES = 80;

/** Byte offsets in the structures that BPF_OBJ_GET_INFO_BY_FD fills. */
export const INFO = {
  bpf_map_info: { type: 0, id: 4, key_size: 8, value_size: 12, max_entries: 16, map_flags: 20, name: 24 },
  bpf_prog_info: {
    type: 0,
    id: 4,
    tag: 8,
    jited_prog_len: 16,
    xlated_prog_len: 20,
    load_time: 40,
    name: 64,
    run_time_ns: 192,
    run_cnt: 200,
    recursion_misses: 208,
    verified_insns: 216,
  },
  bpf_link_info: { type: 0, id: 4, prog_id: 8, "xdp.ifindex": 16, "tcx.ifindex": 16, "tcx.attach_type": 20 },
} as const;

/** Bytes reserved for an info structure; the kernel fills what it knows and says how much. */
export const INFO_BYTES = 256;

/** Bytes of a name in the kernel, its final zero included. */
export const OBJECT_NAME_BYTES = 16;
