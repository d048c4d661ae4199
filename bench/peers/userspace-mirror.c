// SPDX-License-Identifier: Apache-2.0
/*
 * A mirror in user space, for comparison: reads from an AF_PACKET ring (TPACKET_V3) what a socket filter lets through,
 * and sends each packet on behind an outer IP header, a UDP header and the 8-byte shim, many with one system call and
 * past the queueing discipline. It does what such a mirror must do and nothing else.
 */
#define _GNU_SOURCE
#include <arpa/inet.h>
#include <errno.h>
#include <linux/filter.h>
#include <linux/if_packet.h>
#include <net/ethernet.h>
#include <net/if.h>
#include <netinet/ether.h>
#include <netinet/ip.h>
#include <netinet/udp.h>
#include <poll.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <unistd.h>

#define BLOCK_BYTES (1u << 20)
#define BLOCKS 16
#define BATCH 64
#define SHIM_PORT 30030

struct outer {
	struct ether_header ethernet;
	struct iphdr ip;
	struct udphdr udp;
	uint32_t shim[2];
} __attribute__((packed));

struct sender {
	int socket;
	struct sockaddr_ll to;
	unsigned count;
	uint16_t next_id;
	struct outer headers[BATCH];
	struct iovec parts[BATCH][2];
	struct mmsghdr messages[BATCH];
};

static void fail(const char *what)
{
	fprintf(stderr, "userspace-mirror: %s: %s\n", what, strerror(errno));
	exit(1);
}

static int packet_socket(const char *device, int protocol)
{
	struct sockaddr_ll own = {
		.sll_family = AF_PACKET,
		.sll_protocol = htons(protocol),
		.sll_ifindex = if_nametoindex(device),
	};
	int fd = socket(AF_PACKET, SOCK_RAW, 0);

	if (fd < 0 || !own.sll_ifindex || bind(fd, (struct sockaddr *)&own, sizeof(own)))
		fail(device);
	return fd;
}

/* IPv4 packets whose source lies in the prefix. */
static void filter(int fd, uint32_t prefix, uint32_t mask)
{
	struct sock_filter code[] = {
		BPF_STMT(BPF_LD | BPF_W | BPF_ABS, 26),
		BPF_STMT(BPF_ALU | BPF_AND | BPF_K, mask),
		BPF_JUMP(BPF_JMP | BPF_JEQ | BPF_K, prefix, 0, 1),
		BPF_STMT(BPF_RET | BPF_K, 0xffffffff),
		BPF_STMT(BPF_RET | BPF_K, 0),
	};
	struct sock_fprog program = { .len = sizeof(code) / sizeof(code[0]), .filter = code };
	int on = 1;

	if (setsockopt(fd, SOL_SOCKET, SO_ATTACH_FILTER, &program, sizeof(program)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_IGNORE_OUTGOING, &on, sizeof(on)))
		fail("filter");
}

static uint8_t *make_ring(int fd)
{
	struct tpacket_req3 request = {
		.tp_block_size = BLOCK_BYTES,
		.tp_block_nr = BLOCKS,
		.tp_frame_size = 2048,
		.tp_frame_nr = BLOCK_BYTES / 2048 * BLOCKS,
		.tp_retire_blk_tov = 1,
	};
	int version = TPACKET_V3;
	uint8_t *ring;

	if (setsockopt(fd, SOL_PACKET, PACKET_VERSION, &version, sizeof(version)) ||
	    setsockopt(fd, SOL_PACKET, PACKET_RX_RING, &request, sizeof(request)))
		fail("ring");
	ring = mmap(NULL, (size_t)BLOCK_BYTES * BLOCKS, PROT_READ | PROT_WRITE, MAP_SHARED | MAP_POPULATE, fd, 0);
	if (ring == MAP_FAILED)
		fail("ring");
	return ring;
}

static uint16_t header_checksum(const struct outer *outer)
{
	uint16_t words[sizeof(outer->ip) / 2];
	uint32_t sum = 0;

	memcpy(words, &outer->ip, sizeof(words));
	for (unsigned i = 0; i < sizeof(words) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

static void prepare(struct sender *sender, const char *device, char **addresses)
{
	int on = 1, room = 8 << 20;

	memset(sender, 0, sizeof(*sender));
	sender->socket = packet_socket(device, 0);
	if (setsockopt(sender->socket, SOL_PACKET, PACKET_QDISC_BYPASS, &on, sizeof(on)) ||
	    setsockopt(sender->socket, SOL_SOCKET, SO_SNDBUFFORCE, &room, sizeof(room)))
		fail("sending socket");
	for (int i = 0; i < BATCH; i++) {
		struct outer *outer = &sender->headers[i];

		memcpy(outer->ethernet.ether_shost, ether_aton(addresses[0]), 6);
		memcpy(outer->ethernet.ether_dhost, ether_aton(addresses[1]), 6);
		outer->ethernet.ether_type = htons(ETHERTYPE_IP);
		outer->ip.version = 4;
		outer->ip.ihl = 5;
		outer->ip.ttl = 255;
		outer->ip.protocol = IPPROTO_UDP;
		outer->ip.saddr = inet_addr(addresses[2]);
		outer->ip.daddr = inet_addr(addresses[3]);
		outer->udp.source = htons(SHIM_PORT);
		outer->udp.dest = htons(SHIM_PORT);
		sender->parts[i][0] = (struct iovec){ outer, sizeof(*outer) };
		sender->messages[i].msg_hdr.msg_iov = sender->parts[i];
		sender->messages[i].msg_hdr.msg_iovlen = 2;
	}
}

static void flush(struct sender *sender)
{
	unsigned done = 0;

	while (done < sender->count) {
		int sent = sendmmsg(sender->socket, sender->messages + done, sender->count - done, 0);

		/* What the device does not take is lost, as in every mirror. */
		done += sent > 0 ? sent : 1;
	}
	sender->count = 0;
}

static void mirror(struct sender *sender, uint8_t *packet, unsigned bytes)
{
	struct outer *outer = &sender->headers[sender->count];
	unsigned length = sizeof(*outer) - sizeof(outer->ethernet) + bytes;

	outer->ip.tot_len = htons(length);
	outer->ip.id = htons(sender->next_id++);
	outer->ip.check = 0;
	outer->ip.check = header_checksum(outer);
	outer->udp.len = htons(length - sizeof(outer->ip));
	sender->parts[sender->count][1] = (struct iovec){ packet, bytes };
	if (++sender->count == BATCH)
		flush(sender);
}

static void mirror_block(struct sender *sender, struct tpacket_block_desc *block)
{
	uint8_t *at = (uint8_t *)block + block->hdr.bh1.offset_to_first_pkt;

	for (unsigned i = 0; i < block->hdr.bh1.num_pkts; i++) {
		struct tpacket3_hdr *packet = (struct tpacket3_hdr *)at;

		mirror(sender, at + packet->tp_net, packet->tp_snaplen - (packet->tp_net - packet->tp_mac));
		at += packet->tp_next_offset;
	}
	flush(sender);
}

/* Arguments: access and mediation device, prefix, mask, own and next hop's MAC, own and mediation address. */
int main(int argc, char **argv)
{
	static struct sender sender;
	struct pollfd readable = { .events = POLLIN };
	uint8_t *ring;

	if (argc != 9) {
		fprintf(stderr, "usage: userspace-mirror ACCESS MEDIATION PREFIX MASK MAC MAC ADDRESS ADDRESS\n");
		return 2;
	}
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	readable.fd = packet_socket(argv[1], ETH_P_IP);
	filter(readable.fd, ntohl(inet_addr(argv[3])), ntohl(inet_addr(argv[4])));
	ring = make_ring(readable.fd);
	prepare(&sender, argv[2], argv + 5);
	puts("ready");
	fflush(stdout);
	for (unsigned next = 0;; next = (next + 1) % BLOCKS) {
		struct tpacket_block_desc *block = (void *)(ring + (size_t)next * BLOCK_BYTES);

		while (!(__atomic_load_n(&block->hdr.bh1.block_status, __ATOMIC_ACQUIRE) & TP_STATUS_USER))
			poll(&readable, 1, -1);
		mirror_block(&sender, block);
		__atomic_store_n(&block->hdr.bh1.block_status, TP_STATUS_KERNEL, __ATOMIC_RELEASE);
	}
}
