// SPDX-License-Identifier: Apache-2.0
/*
 * A subscriber's packets: an ICMP echo request every PERIOD microseconds, which the other end's kernel answers, until it
 * is ended. `steady-pings ADDRESS PERIOD`
 *
 * ping(8) at an interval of 1 ms does not sleep between two packets: it takes all of a core, which no subscriber takes
 * from an edge node. This one sleeps, and is woken before others, as the interrupt of a network card is; with the
 * forwarding and the copying of what it sends it takes some 4 percent of a core.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <linux/icmp.h>
#include <sched.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define NS_PER_SECOND 1000000000L

struct echo {
	struct icmphdr header;
	uint8_t data[56];
};

static void fail(const char *what)
{
	fprintf(stderr, "steady-pings: %s: %s\n", what, strerror(errno));
	exit(1);
}

static uint16_t checksum(const struct echo *echo)
{
	uint16_t words[sizeof(*echo) / 2];
	uint32_t sum = 0;

	memcpy(words, echo, sizeof(words));
	for (unsigned i = 0; i < sizeof(words) / 2; i++)
		sum += words[i];
	sum = (sum & 0xffff) + (sum >> 16);
	return ~(sum + (sum >> 16));
}

int main(int argc, char **argv)
{
	struct sockaddr_in to = { .sin_family = AF_INET };
	struct sched_param first = { .sched_priority = 1 };
	struct icmp_filter no_answers = { .data = ~0u };
	struct echo echo = { .header = { .type = ICMP_ECHO } };
	long period_ns = argc == 3 ? atol(argv[2]) * 1000 : 0;
	struct timespec next;
	int fd;

	if (period_ns <= 0 || inet_pton(AF_INET, argv[1], &to.sin_addr) != 1) {
		fprintf(stderr, "usage: steady-pings ADDRESS MICROSECONDS\n");
		return 2;
	}
	fd = socket(AF_INET, SOCK_RAW, IPPROTO_ICMP);
	if (fd < 0 || setsockopt(fd, SOL_RAW, ICMP_FILTER, &no_answers, sizeof(no_answers)))
		fail("socket");
	if (connect(fd, (struct sockaddr *)&to, sizeof(to)) || sched_setscheduler(0, SCHED_FIFO, &first))
		fail(argv[1]);
	echo.header.un.echo.id = htons(getpid());
	clock_gettime(CLOCK_MONOTONIC, &next);
	for (uint16_t sequence = 0;; sequence++) {
		echo.header.un.echo.sequence = htons(sequence);
		echo.header.checksum = 0;
		echo.header.checksum = checksum(&echo);
		if (send(fd, &echo, sizeof(echo), 0) < 0)
			fail("send");
		next.tv_nsec += period_ns;
		next.tv_sec += next.tv_nsec / NS_PER_SECOND;
		next.tv_nsec %= NS_PER_SECOND;
		clock_nanosleep(CLOCK_MONOTONIC, TIMER_ABSTIME, &next, NULL);
	}
}
