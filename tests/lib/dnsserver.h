/* dnsserver: a name server on a loopback UDP port, in a thread of its own, that answers as a script says. */
#ifndef JOBD_TEST_DNSSERVER_H
#define JOBD_TEST_DNSSERVER_H

#include <stdbool.h>
#include <stddef.h>

struct dnsserver;

enum { DNS_ANSWERS_MAX = 20 };

struct dns_answer {
	const char *addresses[DNS_ANSWERS_MAX];	/* of the type asked for */
	size_t n;			/* 0: the name is there, but nothing of that type */
	int rcode;			/* 2: server failure; 3: no such name */
	bool truncated, silent;
	unsigned delay_ms;		/* later questions wait too */
};

/* Runs in the server's thread. The name is in lower case; v6: asks for AAAA. */
typedef void dns_script(const char *name, bool v6, struct dns_answer *an, void *arg);

/* 0 or -errno. */
int dnsserver_start(dns_script *script, void *arg, struct dnsserver **out);
void dnsserver_stop(struct dnsserver **s);
const char *dnsserver_address(const struct dnsserver *s);	/* "127.0.0.1:PORT" */
unsigned dnsserver_questions(const struct dnsserver *s);	/* read so far */

#endif
