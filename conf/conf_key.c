#include "conf/conf_key.h"

#include <errno.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "conf/conf.h"
#include "proto/address.h"
#include "proto/timefmt.h"

enum { CONF_TITLE_MAX = 64 };

#define SECONDS INT64_C(1000)
#define DAYS (86400 * SECONDS)
#define KIB INT64_C(1024)
#define MIB (1024 * KIB)
#define GIB (1024 * MIB)
#define MANY INT64_C(1000000000000)

static const char *const levels[] = { "error", "warning", "info", "debug", NULL };
static const char *const formats[] = { "text", "json", NULL };

#define AT(member) offsetof(struct conf, member)
#define OF(titled, member) offsetof(struct conf_##titled, member)

const struct conf_key conf_keys[] = {
	{ "listen", "tcp", CONF_TCP, true, "127.0.0.1:7420", 0, 0, NULL, AT(listen.tcp) },
	{ "listen", "unix", CONF_UNIX, false, NULL, 0, 0, NULL, AT(listen.unix_path) },
	{ "listen", "unix_mode", CONF_MODE, false, "0660", 0, 0777, NULL, AT(listen.unix_mode) },
	{ "listen", "tls", CONF_TCP, true, NULL, 0, 0, NULL, AT(listen.tls) },
	{ "tls", "certificate", CONF_TEXT, false, NULL, 0, 4095, NULL, AT(tls.certificate) },
	{ "tls", "key", CONF_TEXT, false, NULL, 0, 4095, NULL, AT(tls.key) },
	{ "tls", "client_ca", CONF_TEXT, false, NULL, 0, 4095, NULL, AT(tls.client_ca) },
	{ "state", "directory", CONF_TEXT, false, NULL, 1, 4000, NULL, AT(state.directory) },
	{ "pool", "processes", CONF_INT, false, "0", 0, 4096, NULL, AT(pool.processes) },
	{ "pool", "nice", CONF_INT, false, "5", -20, 19, NULL, AT(pool.nice) },
	{ "pool", "kill_grace", CONF_SPAN, false, "5", 0, 3600 * SECONDS, NULL, AT(pool.kill_grace_ms) },
	{ "pool", "jobs_per_process", CONF_INT, false, "0", 0, MANY, NULL, AT(pool.jobs_per_process) },
	{ "limits", "message_bytes", CONF_SIZE, false, "1 MiB", 256, GIB, NULL, AT(limits.message_bytes) },
	{ "limits", "connections", CONF_INT, false, "4096", 1, 1000000, NULL, AT(limits.connections) },
	{ "limits", "requests_per_connection", CONF_INT, false, "1024", 1, 1000000, NULL,
	  AT(limits.requests_per_connection) },
	{ "limits", "io_jobs", CONF_INT, false, "10000", 1, 1000000, NULL, AT(limits.io_jobs) },
	{ "limits", "jobs", CONF_INT, false, "0", 0, MANY, NULL, AT(limits.jobs) },
	{ "limits", "output_bytes", CONF_SIZE, false, "16 MiB", 0, 1024 * GIB, NULL, AT(limits.output_bytes) },
	{ "limits", "result_bytes", CONF_SIZE, false, "4 MiB", 64, GIB, NULL, AT(limits.result_bytes) },
	{ "retain", "seconds", CONF_SPAN, false, "604800", 0, 36500 * DAYS, NULL, AT(retain.seconds_ms) },
	{ "retain", "jobs", CONF_INT, false, "1000000", 0, MANY, NULL, AT(retain.jobs) },
	{ "shutdown", "grace", CONF_SPAN, false, "10", 0, DAYS, NULL, AT(shutdown.grace_ms) },
	{ "log", "level", CONF_WORD, false, "info", 0, 0, levels, AT(log.level) },
	{ "log", "format", CONF_WORD, false, "text", 0, 0, formats, AT(log.format) },
	{ "log", "slow_ms", CONF_INT, false, "50", 0, 3600 * SECONDS, NULL, AT(log.slow_ms) },
	{ "workers", "lease_seconds", CONF_SPAN, false, "30", SECONDS / 10, DAYS, NULL, AT(workers.lease_ms) },
	{ "queue", "concurrency", CONF_INT, false, "0", 0, MANY, NULL, OF(queue, concurrency) },
	{ "queue", "rate", CONF_REAL, false, "0", 0, MANY, NULL, OF(queue, rate) },
	{ "queue", "weight", CONF_INT, false, "1", 1, 1000, NULL, OF(queue, weight) },
	{ "queue", "max_ready", CONF_INT, false, "0", 0, MANY, NULL, OF(queue, max_ready) },
	{ "worker", "command", CONF_TEXT, false, NULL, 1, 4095, NULL, OF(worker, command) },
	{ "worker", "processes", CONF_INT, false, "1", 1, 4096, NULL, OF(worker, processes) },
	{ "module", "path", CONF_TEXT, false, NULL, 1, 4095, NULL, OF(module, path) },
	{ 0 }
};

const struct conf_section conf_sections[] = {
	{ .name = "listen" },
	{ .name = "tls" },
	{ .name = "state" },
	{ .name = "pool" },
	{ .name = "limits" },
	{ .name = "retain" },
	{ .name = "shutdown" },
	{ .name = "log" },
	{ .name = "workers" },
	{ "queue", sizeof(struct conf_queue), AT(queues), AT(queues_len) },
	{ "worker", sizeof(struct conf_worker), AT(worker_pools), AT(worker_pools_len) },
	{ "module", sizeof(struct conf_module), AT(modules), AT(modules_len) },
	{ 0 }
};

const struct conf_section *conf_section_find(const char *name)
{
	for (const struct conf_section *s = conf_sections; s->name != NULL; s++)
		if (strcmp(s->name, name) == 0)
			return s;
	return NULL;
}

const struct conf_key *conf_key_find(const char *section, const char *key)
{
	for (const struct conf_key *k = conf_keys; k->key != NULL; k++)
		if (strcmp(k->section, section) == 0 && strcmp(k->key, key) == 0)
			return k;
	return NULL;
}

bool conf_title_ok(const char *title)
{
	size_t len = strspn(title, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789._-");

	return title[len] == '\0' && len >= 1 && len <= CONF_TITLE_MAX;
}

/* ---- one check a type ---- */

/* A whole number in `base`, and no more; what follows it is at *rest. */
static int conf_key_whole(const char *text, int base, int64_t *n, const char **rest)
{
	char *end;

	if (strchr("+-0123456789", text[0]) == NULL)
		return -EINVAL;
	errno = 0;
	*n = strtoll(text, &end, base);
	*rest = end;
	return end == text ? -EINVAL : -errno;
}

static int conf_key_int(const struct conf_key *k, const char *text, int64_t *n, char *why, size_t why_size)
{
	const char *rest;

	if (conf_key_whole(text, 10, n, &rest) == 0 && *rest == '\0' && *n >= k->min && *n <= k->max)
		return 0;
	snprintf(why, why_size, "must be an integer from %lld to %lld", (long long)k->min, (long long)k->max);
	return -1;
}

static int conf_key_mode(const struct conf_key *k, const char *text, int64_t *n, char *why, size_t why_size)
{
	const char *rest;

	if (conf_key_whole(text, 8, n, &rest) == 0 && *rest == '\0' && *n >= k->min && *n <= k->max)
		return 0;
	snprintf(why, why_size, "must be a file's mode in octal, from 0 to 0777");
	return -1;
}

static int conf_key_real(const struct conf_key *k, const char *text, double *real, char *why, size_t why_size)
{
	char *end = NULL;

	if (strspn(text, "0123456789.eE+-") == strlen(text))
		*real = strtod(text, &end);
	if (end != NULL && end != text && *end == '\0' && isfinite(*real) && *real >= (double)k->min &&
	    *real <= (double)k->max)
		return 0;
	snprintf(why, why_size, "must be a number from %lld to %lld", (long long)k->min, (long long)k->max);
	return -1;
}

static int conf_key_span(const struct conf_key *k, const char *text, int64_t *n, char *why, size_t why_size)
{
	if (timefmt_read_span(text, n) == 0 && *n >= k->min && *n <= k->max)
		return 0;
	snprintf(why, why_size, "must be a duration from %.10g to %.10g s, in seconds (2.5) or like 250ms, 10m, 1h30m, 7d",
		 (double)k->min / SECONDS, (double)k->max / SECONDS);
	return -1;
}

static int64_t conf_key_unit(const char *word)
{
	static const struct {
		const char *word;
		int64_t bytes;
	} units[] = { { "", 1 }, { "KiB", KIB }, { "MiB", MIB }, { "GiB", GIB } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].word, word) == 0)
			return units[i].bytes;
	return 0;
}

static int conf_key_size(const struct conf_key *k, const char *text, int64_t *n, char *why, size_t why_size)
{
	const char *rest;

	if (conf_key_whole(text, 10, n, &rest) == 0) {
		int64_t unit = conf_key_unit(rest + strspn(rest, " "));

		if (unit != 0 && !__builtin_mul_overflow(*n, unit, n) && *n >= k->min && *n <= k->max)
			return 0;
	}
	snprintf(why, why_size, "must be a size from %lld to %lld bytes, as a number or like \"64 KiB\", \"1 MiB\", \"2 GiB\"",
		 (long long)k->min, (long long)k->max);
	return -1;
}

static int conf_key_word(const struct conf_key *k, const char *text, char *why, size_t why_size)
{
	size_t n = (size_t)snprintf(why, why_size, "must be one of");

	for (const char *const *w = k->words; *w != NULL; w++) {
		if (strcmp(*w, text) == 0)
			return 0;
		n += (size_t)snprintf(why + n, why_size - n, "%s %s", w == k->words ? "" : ",", *w);
	}
	return -1;
}

static int conf_key_text(const struct conf_key *k, const char *text, char *why, size_t why_size)
{
	int64_t len = (int64_t)strlen(text);

	if (len >= k->min && len <= k->max)
		return 0;
	snprintf(why, why_size, "must have %lld to %lld bytes", (long long)k->min, (long long)k->max);
	return -1;
}

static int conf_key_tcp(const char *text, char *why, size_t why_size)
{
	struct address a;

	if (address_parse(text, &a, why, (unsigned)why_size))
		return -1;
	if (a.kind == ADDRESS_TCP)
		return 0;
	snprintf(why, why_size, "must be host:port or [IPv6]:port alone, without unix: or tls://");
	return -1;
}

static int conf_key_unix(const char *text, char *why, size_t why_size)
{
	char whole[sizeof("unix:") + 4096];
	struct address a;

	if (text[0] == '\0')
		return 0;
	snprintf(whole, sizeof(whole), "unix:%s", text);
	return address_parse(whole, &a, why, (unsigned)why_size) ? -1 : 0;
}

int conf_key_check(const struct conf_key *k, const char *text, union conf_value *out, char *why, size_t why_size)
{
	switch (k->type) {
	case CONF_INT:
		return conf_key_int(k, text, &out->n, why, why_size);
	case CONF_REAL:
		return conf_key_real(k, text, &out->real, why, why_size);
	case CONF_SPAN:
		return conf_key_span(k, text, &out->n, why, why_size);
	case CONF_SIZE:
		return conf_key_size(k, text, &out->n, why, why_size);
	case CONF_MODE:
		return conf_key_mode(k, text, &out->n, why, why_size);
	case CONF_WORD:
		return conf_key_word(k, text, why, why_size);
	case CONF_TEXT:
		return conf_key_text(k, text, why, why_size);
	case CONF_TCP:
		return conf_key_tcp(text, why, why_size);
	case CONF_UNIX:
		return conf_key_unix(text, why, why_size);
	}
	return -1;
}
