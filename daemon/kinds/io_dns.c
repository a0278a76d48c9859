/* dns: a name's addresses, as this machine finds them: /etc/hosts, then its name servers. */
#include <errno.h>

#include "coro/resolve.h"
#include "kinds/io.h"
#include "proto/jtext.h"

enum { DNS_NAME_MAX = 253 };

static const char *const dns_families[] = { "any", "ipv4", "ipv6", NULL };

static void dns_check(struct params *args)
{
	size_t len = strlen(params_need_string(args, "name"));

	if ((len == 0 && !params_later(args, "name")) || len > DNS_NAME_MAX)
		params_refuse(args, "name", "must be 1 to %d bytes long", DNS_NAME_MAX);
	params_word(args, "family", 0, dns_families);
	params_done(args);
}

static int dns_family(const struct io_job *job)
{
	const char *word = json_string_value(json_object_get(job->args, "family"));

	if (word == NULL || strcmp(word, dns_families[0]) == 0)
		return AF_UNSPEC;
	return strcmp(word, dns_families[1]) == 0 ? AF_INET : AF_INET6;
}

static int dns_conclude(struct io_job *job, const struct resolved *found, struct outcome *out)
{
	char text[INET6_ADDRSTRLEN];
	struct buf result;
	struct jwriter w;

	buf_init(&result);
	jw_init(&w, &result);
	jw_object(&w);
	jw_key(&w, "addresses");
	jw_array(&w);
	for (size_t i = 0; i < found->n; i++) {
		resolved_text(found, i, text, sizeof(text));
		jw_string(&w, text);
	}
	jw_array_end(&w);
	jw_object_end(&w);
	return io_succeed(job, out, &result);
}

static int dns_run(struct io_job *job, struct outcome *out)
{
	const char *name = json_string_value(json_object_get(job->args, "name"));
	struct resolved found;
	char why[320];
	int rc;

	rc = resolve(name, NULL, dns_family(job), job->deadline, &found, why, sizeof(why));	/* parks */
	if (rc == 0)
		rc = dns_conclude(job, &found, out);
	else if (rc != -ECANCELED && rc != -ETIMEDOUT)
		rc = io_fail(out, "resolve", "%s", why);
	return io_end(rc);
}

const struct kind kind_dns = { .name = "dns", .class = CLASS_IO, .check = dns_check, .run_io = dns_run };
