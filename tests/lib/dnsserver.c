#include "dnsserver.h"

#include <arpa/inet.h>
#include <ctype.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { DNS_HEADER = 12, DNS_PACKET = 512, DNS_AAAA = 28 };

struct dnsserver {
	dns_script *script;
	void *arg;
	int fd, stop_fd;
	pthread_t thread;
	char address[32];
	atomic_uint questions;
};

static void dns_put16(unsigned char *to, unsigned value)
{
	to[0] = (unsigned char)(value >> 8);
	to[1] = (unsigned char)value;
}

/* The question's name, dotted and in lower case; where its type begins, or 0. */
static size_t dns_name(const unsigned char *packet, size_t len, char name[256])
{
	size_t at = DNS_HEADER, n = 0;

	while (at < len && packet[at] != 0) {
		size_t label = packet[at++];

		if (label > 63 || at + label + 5 > len || n + label + 2 > 256)
			return 0;
		for (size_t i = 0; i < label; i++)
			name[n++] = (char)tolower(packet[at++]);
		name[n++] = '.';
	}
	name[n > 0 ? n - 1 : 0] = '\0';
	return at + 5 <= len ? at + 1 : 0;
}

/* One record behind the packet: a pointer to the question's name, type, class, 60 s, the address. */
static size_t dns_record(unsigned char *to, bool v6, const char *address)
{
	size_t size = v6 ? 16 : 4;

	memset(to, 0, 12);
	dns_put16(to, 0xc000 | DNS_HEADER);
	dns_put16(to + 2, v6 ? DNS_AAAA : 1);
	dns_put16(to + 4, 1);
	to[9] = 60;
	dns_put16(to + 10, (unsigned)size);
	inet_pton(v6 ? AF_INET6 : AF_INET, address, to + 12);
	return 12 + size;
}

/* Turns the question in packet into its answer; the new length, or 0 for none. */
static size_t dns_reply(struct dnsserver *s, unsigned char *packet, size_t len)
{
	struct dns_answer an = { 0 };
	char name[256];
	size_t at = len > DNS_HEADER ? dns_name(packet, len, name) : 0;
	bool v6;

	if (at == 0)
		return 0;
	v6 = packet[at + 1] == DNS_AAAA;
	atomic_fetch_add(&s->questions, 1);
	s->script(name, v6, &an, s->arg);
	if (an.delay_ms > 0)
		poll(NULL, 0, (int)an.delay_ms);
	if (an.silent)
		return 0;
	dns_put16(packet + 2, 0x8180u | (unsigned)an.rcode | (an.truncated ? 0x0200 : 0));
	dns_put16(packet + 6, (unsigned)an.n);
	dns_put16(packet + 8, 0);
	dns_put16(packet + 10, 0);
	len = at + 4;
	for (size_t i = 0; i < an.n && len + 28 <= DNS_PACKET; i++)
		len += dns_record(packet + len, v6, an.addresses[i]);
	return len;
}

static void *dns_thread(void *arg)
{
	struct dnsserver *s = arg;
	struct pollfd fds[2] = { { s->fd, POLLIN, 0 }, { s->stop_fd, POLLIN, 0 } };

	while (poll(fds, 2, -1) > 0 && fds[1].revents == 0) {
		unsigned char packet[DNS_PACKET];
		struct sockaddr_storage from;
		socklen_t from_len = sizeof(from);
		ssize_t n = recvfrom(s->fd, packet, sizeof(packet), 0, (struct sockaddr *)&from, &from_len);
		size_t len = n > 0 ? dns_reply(s, packet, (size_t)n) : 0;

		if (len > 0 && sendto(s->fd, packet, len, 0, (struct sockaddr *)&from, from_len) < 0)
			perror("dnsserver");
	}
	return NULL;
}

static int dns_bind(struct dnsserver *s)
{
	struct sockaddr_in at = { .sin_family = AF_INET, .sin_addr = { htonl(INADDR_LOOPBACK) } };
	socklen_t len = sizeof(at);
	int room = 4 << 20;

	s->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
	s->stop_fd = eventfd(0, EFD_CLOEXEC);
	if (s->fd < 0 || s->stop_fd < 0 || bind(s->fd, (struct sockaddr *)&at, len) < 0 ||
	    getsockname(s->fd, (struct sockaddr *)&at, &len) < 0)
		return -errno;
	setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof(room));
	snprintf(s->address, sizeof(s->address), "127.0.0.1:%u", ntohs(at.sin_port));
	return 0;
}

int dnsserver_start(dns_script *script, void *arg, struct dnsserver **out)
{
	struct dnsserver *s = calloc(1, sizeof(*s));
	int rc;

	if (s == NULL)
		return -ENOMEM;
	s->script = script;
	s->arg = arg;
	rc = dns_bind(s);
	if (rc == 0)
		rc = -pthread_create(&s->thread, NULL, dns_thread, s);
	if (rc == 0)
		*out = s;
	else
		free(s);
	return rc;
}

void dnsserver_stop(struct dnsserver **s)
{
	if (*s == NULL)
		return;
	eventfd_write((*s)->stop_fd, 1);
	pthread_join((*s)->thread, NULL);
	close((*s)->fd);
	close((*s)->stop_fd);
	free(*s);
	*s = NULL;
}

const char *dnsserver_address(const struct dnsserver *s)
{
	return s->address;
}

unsigned dnsserver_questions(const struct dnsserver *s)
{
	return atomic_load(&s->questions);
}
