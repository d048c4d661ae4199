// What the verifier refuses: a packet read without a check of its bounds.
#include <linux/bpf.h>
#include <bpf/bpf_helpers.h>

SEC("xdp")
int reads_beyond(struct xdp_md *ctx)
{
	__u8 *data = (void *)(long)ctx->data;

	return data[20];
}

SEC("xdp")
int harmless(struct xdp_md *ctx)
{
	return XDP_PASS;
}

char _license[] SEC("license") = "GPL";
