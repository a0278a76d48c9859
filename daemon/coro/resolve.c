/*
 * A name is looked for where it costs least first: is it an address itself,
 * is it localhost (always this machine, RFC 6761, network or not), is it in
 * /etc/hosts; then evdns asks for A and AAAA at once. When one family has
 * answered, the other may lag for RESOLVE_LAG only.
 *
 * Both questions of a lookup are answered by exactly one callback each, also
 * after a cancel (with DNS_ERR_CANCEL, a turn later). The lookup lives on its
 * coroutine's stack, so the coroutine stays until both have come.
 *
 * /etc/resolv.conf and /etc/hosts are read again when they change: lookups
 * under way keep the `source` they began with, the last to leave frees it.
 * What can go wrong is bounded: evdns gives up by itself after the timeouts
 * and attempts of resolv.conf, and RESOLVE_PATIENCE ends what it does not.
 */
#include "coro/resolve.h"

#include <arpa/inet.h>
#include <errno.h>
#include <event2/dns.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "coro/filemark.h"
#include "coro/hosts.h"
#include "coro/loop.h"

#define RESOLV_CONF "/etc/resolv.conf"
#define HOSTS "/etc/hosts"

enum { IPV4, IPV6, FAMILIES };

enum {
	RESOLVE_PATIENCE = 20 * 1000000,	/* for a whole lookup */
	RESOLVE_LAG = 500 * 1000,		/* for the second family, once the first has answered */
	RESOLVE_RECHECK = 5 * 1000000,		/* between looks at the files */
	RESOLVE_EACH = RESOLVE_MAX / FAMILIES,	/* addresses kept a family */
	RESOLVE_QUESTIONS = 128			/* on the wire at once: a burst of more overflows socket buffers */
};

/* Where names come from: the files as they were at some time. */
struct source {
	struct evdns_base *dns;
	struct hosts *hosts;
	unsigned users;
	struct filemark resolv_conf, hosts_file;
};

static struct {
	struct source *source;		/* the newest, or NULL */
	mono_us checked;		/* when the files were last looked at */
	unsigned in_flight;
	struct cond room;		/* in_flight has fallen */
	bool open;
	char server[64];		/* "": as /etc/resolv.conf says */
	mono_us timeout;
	unsigned tries;
} resolver;

/* ---- the source ---- */

static void source_free(struct source **s)
{
	if (*s == NULL)
		return;
	if ((*s)->dns != NULL)
		evdns_base_free((*s)->dns, 0);
	hosts_free(&(*s)->hosts);
	free(*s);
	*s = NULL;
}

static void source_option(struct source *s, const char *option, double value)
{
	char text[32];

	snprintf(text, sizeof(text), "%g", value);
	evdns_base_set_option(s->dns, option, text);
}

/* Without a name server there is simply none to ask: lookups say so. */
static void source_name_servers(struct source *s)
{
	source_option(s, "max-inflight:", RESOLVE_QUESTIONS);
	if (resolver.server[0] == '\0') {
		evdns_base_resolv_conf_parse(s->dns, DNS_OPTION_SEARCH | DNS_OPTION_NAMESERVERS | DNS_OPTION_MISC |
					     DNS_OPTION_NAMESERVERS_NO_DEFAULT, RESOLV_CONF);
		return;
	}
	source_option(s, "timeout:", (double)resolver.timeout / 1e6);
	source_option(s, "attempts:", resolver.tries);
	evdns_base_nameserver_ip_add(s->dns, resolver.server);
}

static struct source *source_load(void)
{
	struct source *s = calloc(1, sizeof(*s));

	if (s == NULL)
		return NULL;
	s->resolv_conf = filemark_of(RESOLV_CONF);
	s->hosts_file = filemark_of(HOSTS);
	s->hosts = hosts_load(HOSTS);
	/* The name servers come after the flag: given to evdns_base_new, they would be watched without end. */
	s->dns = evdns_base_new(loop_event_base(), EVDNS_BASE_DISABLE_WHEN_INACTIVE);
	if (s->hosts == NULL || s->dns == NULL)
		source_free(&s);
	else
		source_name_servers(s);
	return s;
}

/* From now on nobody new uses it. */
static void source_retire(void)
{
	if (resolver.source != NULL && resolver.source->users == 0)
		source_free(&resolver.source);
	resolver.source = NULL;
}

static void source_refresh(void)
{
	struct source *s = resolver.source;

	if (s == NULL || clock_mono() - resolver.checked < RESOLVE_RECHECK)
		return;
	resolver.checked = clock_mono();
	if (!filemark_same(s->hosts_file, filemark_of(HOSTS)) || !filemark_same(s->resolv_conf, filemark_of(RESOLV_CONF)))
		source_retire();
}

static struct source *source_use(void)
{
	source_refresh();
	if (resolver.source == NULL) {
		resolver.source = source_load();
		resolver.checked = clock_mono();
	}
	if (resolver.source != NULL)
		resolver.source->users++;
	return resolver.source;
}

static void source_leave(struct source *s)
{
	if (--s->users == 0 && s != resolver.source)
		source_free(&s);
}

/* ---- asking DNS ---- */

struct lookup {
	struct question {
		struct evdns_request *request;	/* NULL: not asked, or answered */
		int error;			/* DNS_ERR_NONE: answered with addresses */
		struct lookup *lookup;
	} question[FAMILIES];
	struct ip *ips;			/* what was found: n[IPV4] from 0 on, n[IPV6] from RESOLVE_EACH on */
	size_t n[FAMILIES];
	struct cond answered;		/* one more is */
	struct latch ended;		/* all are */
};

static bool lookup_pending(const struct lookup *l)
{
	return l->question[IPV4].request != NULL || l->question[IPV6].request != NULL;
}

static void lookup_answered(int error, char type, int count, int ttl, void *addresses, void *arg)
{
	struct question *q = arg;
	struct lookup *l = q->lookup;
	int which = q == &l->question[IPV6] ? IPV6 : IPV4;
	size_t size = which == IPV6 ? 16 : 4;

	(void)ttl;
	q->request = NULL;
	q->error = error == DNS_ERR_NONE && count <= 0 ? DNS_ERR_NODATA : error;
	for (int i = 0; q->error == DNS_ERR_NONE && i < count && l->n[which] < RESOLVE_EACH; i++) {
		struct ip *ip = &l->ips[(size_t)which * RESOLVE_EACH + l->n[which]++];

		ip->family = type == DNS_IPv6_AAAA ? AF_INET6 : AF_INET;
		memcpy(ip->bytes, (char *)addresses + (size_t)i * size, size);
	}
	cond_broadcast(&l->answered);
	if (!lookup_pending(l))
		latch_set(&l->ended);
}

static void lookup_ask(struct lookup *l, struct evdns_base *dns, const char *name, int family)
{
	for (int i = 0; i < FAMILIES; i++) {
		l->question[i].lookup = l;
		l->question[i].error = DNS_ERR_NODATA;
	}
	if (family != AF_INET6)
		l->question[IPV4].request = evdns_base_resolve_ipv4(dns, name, 0, lookup_answered, &l->question[IPV4]);
	if (family != AF_INET)
		l->question[IPV6].request = evdns_base_resolve_ipv6(dns, name, 0, lookup_answered, &l->question[IPV6]);
}

/* Parks until both questions are answered, or one is and the other lags. */
static int lookup_wait(struct lookup *l, mono_us deadline)
{
	mono_us lag = MONO_NEVER;

	while (lookup_pending(l)) {
		int rc;

		if (lag == MONO_NEVER && l->n[IPV4] + l->n[IPV6] > 0)
			lag = clock_after(RESOLVE_LAG);
		rc = cond_wait(&l->answered, lag < deadline ? lag : deadline);
		if (rc == -ETIMEDOUT && lag < deadline)
			return 0;
		if (rc < 0)
			return rc;
	}
	return 0;
}

/* Takes back what is still asked, and stays until evdns has let go of it: a turn, whatever happens. */
static void lookup_end(struct lookup *l, struct evdns_base *dns)
{
	if (!lookup_pending(l))
		return;
	for (int i = 0; i < FAMILIES; i++)
		if (l->question[i].request != NULL)
			evdns_cancel_request(dns, l->question[i].request);
	latch_wait(&l->ended);
}

/* What to say of a lookup that found nothing. */
static int lookup_failure(const struct lookup *l, const char *name, char *why, size_t why_size)
{
	int error = DNS_ERR_NODATA;

	for (int i = 0; i < FAMILIES; i++)
		if (l->question[i].error != DNS_ERR_NODATA)
			error = l->question[i].error;
	if (error == DNS_ERR_NOTEXIST)
		snprintf(why, why_size, "there is no host named %s", name);
	else if (error == DNS_ERR_NODATA)
		snprintf(why, why_size, "%s has no address of the family asked for", name);
	else if (error == DNS_ERR_TIMEOUT)
		snprintf(why, why_size, "the name servers did not answer for %s", name);
	else
		snprintf(why, why_size, "the name servers could not tell the address of %s: %s", name,
			 evdns_err_to_string(error));
	return error == DNS_ERR_NOTEXIST || error == DNS_ERR_NODATA ? -ENOENT : -EIO;
}

static int lookup_run(struct source *s, const char *name, int family, mono_us deadline, struct ip *ips, size_t *n,
		      char *why, size_t why_size)
{
	struct lookup l = { .ips = ips };
	mono_us patience = clock_after(RESOLVE_PATIENCE);
	int rc;

	cond_init(&l.answered);
	latch_init(&l.ended);
	lookup_ask(&l, s->dns, name, family);
	rc = lookup_wait(&l, patience < deadline ? patience : deadline);
	lookup_end(&l, s->dns);
	if (rc == -ETIMEDOUT && patience < deadline) {
		snprintf(why, why_size, "the name servers did not answer for %s", name);
		return -EIO;
	}
	if (rc < 0)
		return rc;
	memmove(ips + l.n[IPV4], ips + RESOLVE_EACH, l.n[IPV6] * sizeof(*ips));
	*n = l.n[IPV4] + l.n[IPV6];
	return *n > 0 ? 0 : lookup_failure(&l, name, why, why_size);
}

/* ---- a name's addresses ---- */

static bool name_is_localhost(const char *name)
{
	static const char word[] = "localhost";
	size_t len = strlen(name);

	if (len > 0 && name[len - 1] == '.')
		len--;
	if (len < sizeof(word) - 1 || strncasecmp(name + len - (sizeof(word) - 1), word, sizeof(word) - 1) != 0)
		return false;
	return len == sizeof(word) - 1 || name[len - sizeof(word)] == '.';
}

static size_t name_localhost(int family, struct ip *ips)
{
	size_t n = 0;

	if (family != AF_INET6)
		ips[n++] = (struct ip){ AF_INET, { 127, 0, 0, 1 } };
	if (family != AF_INET)
		ips[n++] = (struct ip){ AF_INET6, { [15] = 1 } };
	return n;
}

/* What DNS can carry; evdns has no words for the rest. */
static bool name_is_sound(const char *name)
{
	size_t len = strlen(name), label = 0;

	if (len == 0 || len > 253)
		return false;
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)name[i];

		if (c <= ' ' || c >= 0x7f)
			return false;
		label = c == '.' ? 0 : label + 1;
		if (label > 63 || (c == '.' && (i == 0 || name[i - 1] == '.')))
			return false;
	}
	return true;
}

/* hosts, then DNS; IPv4 first. */
static int name_ask(struct source *s, const char *name, int family, mono_us deadline, struct ip *ips, size_t *n,
		    char *why, size_t why_size)
{
	*n = family == AF_INET6 ? 0 : hosts_find(s->hosts, name, AF_INET, ips, RESOLVE_EACH);
	if (family != AF_INET)
		*n += hosts_find(s->hosts, name, AF_INET6, ips + *n, RESOLVE_EACH);
	if (*n > 0)
		return 0;
	if (evdns_base_count_nameservers(s->dns) <= 0) {
		snprintf(why, why_size, "%s cannot be looked up: " RESOLV_CONF " names no name server", name);
		return -EIO;
	}
	return lookup_run(s, name, family, deadline, ips, n, why, why_size);
}

/* Takes a place among those in flight. */
static int name_wait_turn(mono_us deadline)
{
	int rc = 0;

	if (!resolver.open) {
		cond_init(&resolver.room);
		resolver.open = true;
	}
	while (rc == 0 && resolver.in_flight >= RESOLVE_IN_FLIGHT)
		rc = cond_wait(&resolver.room, deadline);
	if (rc == 0)
		resolver.in_flight++;
	return rc;
}

static int name_lookup(const char *name, int family, mono_us deadline, struct ip *ips, size_t *n, char *why,
		       size_t why_size)
{
	struct source *s;
	int rc;

	if (!name_is_sound(name)) {
		snprintf(why, why_size, "\"%.80s\" is not a host's name or address", name);
		return -ENOENT;
	}
	rc = name_wait_turn(deadline);
	if (rc < 0)
		return rc;
	s = source_use();
	if (s == NULL) {
		snprintf(why, why_size, "no memory to look up %s", name);
		rc = -ENOMEM;
	} else {
		rc = name_ask(s, name, family, deadline, ips, n, why, why_size);
		source_leave(s);
	}
	resolver.in_flight--;
	cond_signal(&resolver.room);
	return rc;
}

/* ---- the answer ---- */

static void resolved_add(struct resolved *r, const struct ip *ip, unsigned scope, in_port_t port)
{
	if (ip->family == AF_INET) {
		struct sockaddr_in *in = &r->addr[r->n++].in;

		*in = (struct sockaddr_in){ .sin_family = AF_INET, .sin_port = port };
		memcpy(&in->sin_addr, ip->bytes, sizeof(in->sin_addr));
	} else {
		struct sockaddr_in6 *in6 = &r->addr[r->n++].in6;

		*in6 = (struct sockaddr_in6){ .sin6_family = AF_INET6, .sin6_port = port, .sin6_scope_id = scope };
		memcpy(&in6->sin6_addr, ip->bytes, sizeof(in6->sin6_addr));
	}
}

/* "192.0.2.1", "2001:db8::1", "fe80::1%eth0"? */
static bool resolved_numeric(const char *name, struct ip *ip, unsigned *scope)
{
	char address[INET6_ADDRSTRLEN];
	size_t len = strcspn(name, "%");

	*scope = 0;
	ip->family = AF_INET;
	if (inet_pton(AF_INET, name, ip->bytes) == 1)
		return true;
	if (len >= sizeof(address))
		return false;
	memcpy(address, name, len);
	address[len] = '\0';
	ip->family = AF_INET6;
	if (inet_pton(AF_INET6, address, ip->bytes) != 1)
		return false;
	if (name[len] == '\0')
		return true;
	*scope = if_nametoindex(name + len + 1);
	return *scope != 0;
}

int resolve(const char *name, const char *port, int family, mono_us deadline, struct resolved *out, char *why,
	    size_t why_size)
{
	in_port_t number = htons(port != NULL ? (in_port_t)strtoul(port, NULL, 10) : 0);
	struct ip ips[RESOLVE_MAX];
	unsigned scope = 0;
	size_t n = 0;
	int rc = 0;

	if (resolved_numeric(name, &ips[0], &scope))
		n = family == AF_UNSPEC || family == ips[0].family;
	else if (name_is_localhost(name))
		n = name_localhost(family, ips);
	else
		rc = name_lookup(name, family, deadline, ips, &n, why, why_size);
	if (rc == 0 && n == 0) {
		snprintf(why, why_size, "%s is not an address of the family asked for", name);
		rc = -ENOENT;
	}
	out->n = 0;
	for (size_t i = 0; rc == 0 && i < n; i++)
		resolved_add(out, &ips[i], scope, number);
	return rc;
}

void resolved_text(const struct resolved *r, size_t i, char *out, size_t size)
{
	bool v4 = r->addr[i].sa.sa_family == AF_INET;
	const void *ip = v4 ? (const void *)&r->addr[i].in.sin_addr : (const void *)&r->addr[i].in6.sin6_addr;

	if (inet_ntop(v4 ? AF_INET : AF_INET6, ip, out, (socklen_t)size) == NULL && size > 0)
		out[0] = '\0';
}

void resolve_use_nameserver(const char *server, mono_us timeout, unsigned tries)
{
	snprintf(resolver.server, sizeof(resolver.server), "%s", server != NULL ? server : "");
	resolver.timeout = timeout;
	resolver.tries = tries;
	source_retire();
}

void resolve_close(void)
{
	source_retire();
	resolver.open = false;
}
