/* resolve: names → addresses by evdns, so that no lookup holds the loop or makes a thread. */
#ifndef JOBD_RESOLVE_H
#define JOBD_RESOLVE_H

#include <netinet/in.h>
#include <stddef.h>
#include <sys/socket.h>

#include "coro/coro.h"

enum { RESOLVE_MAX = 32, RESOLVE_IN_FLIGHT = 256 };

union resolved_address {
	struct sockaddr sa;
	struct sockaddr_in in;
	struct sockaddr_in6 in6;
};

/* Small enough (0.9 KiB) for a coroutine's stack. */
struct resolved {
	size_t n;
	union resolved_address addr[RESOLVE_MAX];	/* ports as asked */
};

static inline socklen_t resolved_len(const struct resolved *r, size_t i)
{
	return r->addr[i].sa.sa_family == AF_INET ? sizeof(struct sockaddr_in) : sizeof(struct sockaddr_in6);
}

/*
 * Numeric addresses and localhost at once; /etc/hosts; then DNS, for at most
 * 20 s. IPv4 comes before IPv6. port: decimal, or NULL for 0. family:
 * AF_UNSPEC, AF_INET or AF_INET6. At most RESOLVE_IN_FLIGHT at a time: more
 * wait their turn. 0 with *out filled (n >= 1); -ENOENT (no such name), -EIO
 * (the lookup failed) or -ENOMEM, with a sentence in why; or as any await.
 */
int resolve(const char *name, const char *port, int family, mono_us deadline, struct resolved *out, char *why,
	    size_t why_size) PARKS;

/* "127.0.0.1" or "::1": the i-th address without its port. */
void resolved_text(const struct resolved *r, size_t i, char *out, size_t size);

/*
 * For tests: asks this server ("127.0.0.1:5353") instead of those of
 * /etc/resolv.conf, `tries` times for `timeout` each. NULL goes back.
 */
void resolve_use_nameserver(const char *server, mono_us timeout, unsigned tries);

/* Ends the resolver; no lookup may be under way. */
void resolve_close(void);

#endif
