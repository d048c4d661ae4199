// Maps of each kind, and programs that write structures into them.
#include <linux/bpf.h>
#include <linux/pkt_cls.h>
#include <linux/types.h>
#include <stdbool.h>
#include <bpf/bpf_helpers.h>
#include <bpf/bpf_endian.h>

enum verdict { VERDICT_PASS = 0, VERDICT_DROP = 1, VERDICT_LATER = 7 };

struct inner {
	__u8 kind;
	__u16 length;
};

struct session_key {
	__u32 zone;
	__be32 address;
};

struct everything {
	__u8 byte;
	__s16 small;
	__u32 word;
	__s64 wide;
	__u64 wider;
	bool flag;
	__be16 port;
	__be64 network_wide;
	enum verdict verdict;
	struct inner one;
	struct inner two[2];
	__u8 mac[6];
	char name[16];
	__be32 prefix[4];
	__u64 counters[3];
	union {
		__be32 v4;
		__u8 v6[16];
	};
	union {
		__u16 half;
		__u32 whole;
	} number;
	struct {
		__u8 x;
		__u32 y;
	} pair;
	__u16 grid[2][3];
};

struct bits {
	__u32 flag : 1;
	__u32 rest : 31;
};

struct record {
	__u64 sequence;
	__u32 length;
};

struct trie_key {
	__u32 prefix_length;
	__u8 address[4];
};

struct {
	__uint(type, BPF_MAP_TYPE_HASH);
	__uint(max_entries, 64);
	__type(key, struct session_key);
	__type(value, struct everything);
} sessions SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u64);
} numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_ARRAY);
	__uint(max_entries, 4);
	__type(key, __u32);
	__type(value, __u32);
} cpu_numbers SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PERCPU_HASH);
	__uint(max_entries, 64);
	__type(key, __u32);
	__type(value, struct record);
} cpu_records SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_LPM_TRIE);
	__uint(max_entries, 64);
	__uint(map_flags, BPF_F_NO_PREALLOC);
	__type(key, struct trie_key);
	__type(value, __u32);
} prefixes SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_DEVMAP_HASH);
	__uint(max_entries, 8);
	__type(key, __u32);
	__type(value, struct bpf_devmap_val);
} devices SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_PROG_ARRAY);
	__uint(max_entries, 2);
	__uint(key_size, 4);
	__uint(value_size, 4);
} jumps SEC(".maps");

struct {
	__uint(type, BPF_MAP_TYPE_RINGBUF);
	__uint(max_entries, 4096);
} events SEC(".maps");

const volatile __u32 step = 1;
const volatile struct session_key fixed_key = { .zone = 1 };
__u64 runs;

SEC("tc")
int write_everything(struct __sk_buff *skb)
{
	struct session_key key = fixed_key;
	struct everything value = {};

	value.byte = 0xab;
	value.small = -2;
	value.word = 0xdeadbeef;
	value.wide = -3;
	value.wider = 0x0102030405060708ULL;
	value.flag = true;
	value.port = bpf_htons(30030);
	value.network_wide = bpf_cpu_to_be64(0x1122334455667788ULL);
	value.verdict = VERDICT_LATER;
	value.one.kind = 1;
	value.one.length = 100;
	value.two[1].kind = 2;
	value.two[1].length = 200;
	value.mac[0] = 2;
	value.mac[5] = 5;
	__builtin_memcpy(value.name, "eth0", 5);
	value.prefix[0] = bpf_htonl(0x20010db8);
	value.counters[2] = 9;
	value.v6[0] = 0x20;
	value.v6[15] = 1;
	value.number.whole = 77;
	value.pair.x = 3;
	value.pair.y = 4;
	value.grid[1][2] = 12;
	key.address = bpf_htonl(0xc0000201);
	bpf_map_update_elem(&sessions, &key, &value, BPF_ANY);
	return TC_ACT_OK;
}

SEC("tc")
int count(struct __sk_buff *skb)
{
	__u32 zero = 0;
	__u64 *number = bpf_map_lookup_elem(&numbers, &zero);
	__u32 *mine = bpf_map_lookup_elem(&cpu_numbers, &zero);

	if (number)
		__sync_fetch_and_add(number, step);
	if (mine)
		*mine += step;
	runs++;
	return TC_ACT_UNSPEC;
}

SEC("tc")
int report(struct __sk_buff *skb)
{
	struct record *record = bpf_ringbuf_reserve(&events, sizeof(*record), 0);

	if (!record)
		return TC_ACT_SHOT;
	record->sequence = runs++;
	record->length = skb->len;
	bpf_ringbuf_submit(record, 0);
	return TC_ACT_OK;
}

SEC("xdp")
int shorten(struct xdp_md *ctx)
{
	if (bpf_xdp_adjust_head(ctx, 14))
		return XDP_ABORTED;
	return XDP_PASS;
}

SEC("xdp")
int drop(struct xdp_md *ctx)
{
	return XDP_DROP;
}

// Keeps the types that no map has in the type information.
struct record *_record __attribute__((unused));
struct bits *_bits __attribute__((unused));
char _license[] SEC("license") = "GPL";
