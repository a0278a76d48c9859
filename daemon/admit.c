#include "admit.h"

#include <stdio.h>
#include <string.h>

#include "admit_graph.h"
#include "base/buf.h"
#include "kinds/kind.h"
#include "proto/jtext.h"
#include "proto/placeholder.h"
#include "backlog/queue.h"

enum { UNIQUE_KEY_MAX = 255, GROUP_MAX = 255, REQUEST_ID_MAX = 255, META_MAX = 4096, TAGS_MAX = 32, TAG_NAME_MAX = 64, TAG_VALUE_MAX = 256 };

#define SECONDS 1000LL
#define SPAN_MAX (100LL * 366 * 86400 * SECONDS)	/* a century */

static const char *const backoff_words[] = { "exponential", "linear", "constant", NULL };
static const char *const interrupted_words[] = { "retry", "fail", NULL };
static const char *const scope_words[] = { "active", "all", NULL };
static const char *const on_conflict_words[] = { "existing", "reject", "replace", NULL };

/* The JSON texts a spec is made of, until job_spec_new has copied them. */
struct texts {
	struct buf args, tags, meta;
};

enum { PATH_SIZE = 64 };

/* The members of an object inside the job: their path begins with the job's own. */
static void nested_init(struct params *nested, char path[PATH_SIZE], struct params *p, const char *name, json_t *object)
{
	params_init_inner(nested, object, p, name, path, PATH_SIZE);
}

static const char *text_of(struct buf *b, const json_t *value)
{
	jtext_put(b, value);
	buf_putc(b, '\0');
	return buf_failed(b) ? NULL : buf_data(b);
}

static void say_kinds(struct params *p, const char *type)
{
	char names[160];
	size_t len = 0;
	const struct kind *kind;

	names[0] = '\0';
	for (size_t i = 0; (kind = kind_at(i)) != NULL && len < sizeof(names); i++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%s", i > 0 ? ", " : "", kind->name);
	params_refuse(p, "type", "must be one that this daemon knows (%s), not \"%.64s\"", names, type);
}

/* The args: as they are stored, and checked as far as they are known. */
static void read_args(struct params *p, struct job_spec *spec, struct texts *texts, const struct kind *kind, const struct refs *refs,
		      struct submission *out)
{
	json_t *object = params_object(p, "args"), *known;
	struct params args;
	char path[PATH_SIZE];

	if (p->error->kind != RPC_OK)
		return;
	known = admit_graph_args(p, object, refs, out, &texts->args);
	nested_init(&args, path, p, "args", known);
	args.open = out->fill;
	if (p->error->kind == RPC_OK && !placeholder_is_result(known))
		kind->check(&args);
	if (known != NULL && !out->fill)
		jtext_put(&texts->args, known);
	json_decref(known);
	spec->args = "{}";
	spec->args_len = 2;
	if (known == NULL)
		return;
	buf_putc(&texts->args, '\0');
	spec->args = buf_failed(&texts->args) ? NULL : buf_data(&texts->args);
	spec->args_len = spec->args != NULL ? buf_len(&texts->args) - 1 : 0;
}

static void read_type_and_args(struct params *p, struct job_spec *spec, struct texts *texts, const struct refs *refs,
			       struct submission *out)
{
	const struct kind *kind;

	spec->type = params_need_string(p, "type");
	if (p->error->kind != RPC_OK)
		return;
	kind = kind_find(spec->type);
	if (kind == NULL)
		say_kinds(p, spec->type);
	read_args(p, spec, texts, kind, refs, out);
}

static void read_queue(struct params *p, struct job_spec *spec, struct submission *out)
{
	spec->queue = params_string(p, "queue", "default");
	if (!queue_name_ok(spec->queue))
		params_refuse(p, "queue", "must be " QUEUE_NAME_RULE);
	out->priority = (int)params_int(p, "priority", 0, PRIORITY_MIN, PRIORITY_MAX);
	out->hold = params_bool(p, "hold", false);
}

/* One of two ways to say a time: from now, or the time itself. 0 = neither. */
static wall_ms read_moment(struct params *p, const char *span_name, const char *time_name, wall_ms now)
{
	bool both = params_has(p, span_name) && params_has(p, time_name);
	wall_ms span = params_span(p, span_name, -1, 0, SPAN_MAX);
	wall_ms at = params_time(p, time_name);

	if (both)
		params_refuse(p, time_name, "cannot stand beside \"%s\"", span_name);
	return span >= 0 ? now + span : at;
}

static void read_times(struct params *p, wall_ms now, struct job_spec *spec, struct submission *out)
{
	out->run_at = read_moment(p, "delay", "run_at", now);
	if (out->run_at <= now)
		out->run_at = 0;
	out->expires_at = read_moment(p, "ttl", "expires_at", now);
	spec->timeout = params_span(p, "timeout", 3600 * SECONDS, 0, SPAN_MAX);
	spec->retain = params_span(p, "retain", -1, 0, SPAN_MAX);
}

static void read_retry(struct params *p, struct job_spec *spec)
{
	struct params retry;
	char path[PATH_SIZE];

	nested_init(&retry, path, p, "retry", params_object(p, "retry"));
	spec->retry.max_attempts = (int)params_int(&retry, "max_attempts", 3, 1, 100);
	spec->retry.backoff = (enum backoff)params_word(&retry, "backoff", BACKOFF_EXPONENTIAL, backoff_words);
	spec->retry.base = params_span(&retry, "base", 1 * SECONDS, 0, SPAN_MAX);
	spec->retry.cap = params_span(&retry, "cap", 3600 * SECONDS, 0, SPAN_MAX);
	spec->retry.jitter = params_real(&retry, "jitter", 0.1, 0, 1);
	params_done(&retry);
	spec->interrupted_fail = params_word(p, "interrupted", 0, interrupted_words) == 1;
}

static void read_unique(struct params *p, struct job_spec *spec, struct submission *out)
{
	json_t *object = params_object(p, "unique");
	struct params unique;
	char path[PATH_SIZE];

	if (object == NULL)
		return;
	nested_init(&unique, path, p, "unique", object);
	spec->unique_key = params_need_string(&unique, "key");
	if (spec->unique_key[0] == '\0' || strlen(spec->unique_key) > UNIQUE_KEY_MAX)
		params_refuse(&unique, "key", "must be 1 to %d bytes long", UNIQUE_KEY_MAX);
	out->unique_scope = (enum unique_scope)params_word(&unique, "scope", UNIQUE_ACTIVE, scope_words);
	out->unique_on_conflict = (enum unique_on_conflict)params_word(&unique, "on_conflict", UNIQUE_EXISTING, on_conflict_words);
	params_done(&unique);
}

static void read_request_id(struct params *p, struct submission *out)
{
	out->request_id = params_string(p, "request_id", NULL);
	if (out->request_id != NULL && (out->request_id[0] == '\0' || strlen(out->request_id) > REQUEST_ID_MAX))
		params_refuse(p, "request_id", "must be 1 to %d bytes long", REQUEST_ID_MAX);
}

static void read_concurrency(struct params *p, struct job_spec *spec)
{
	json_t *object = params_object(p, "concurrency");
	struct params concurrency;
	char path[PATH_SIZE];

	if (object == NULL)
		return;
	nested_init(&concurrency, path, p, "concurrency", object);
	spec->concurrency_key = params_need_string(&concurrency, "key");
	if (spec->concurrency_key[0] == '\0' || strlen(spec->concurrency_key) > UNIQUE_KEY_MAX)
		params_refuse(&concurrency, "key", "must be 1 to %d bytes long", UNIQUE_KEY_MAX);
	spec->concurrency_limit = params_need_int(&concurrency, "limit", 1, INT32_MAX);
	params_done(&concurrency);
}

static void read_group(struct params *p, struct job_spec *spec)
{
	spec->group = params_string(p, "group", NULL);
	if (spec->group != NULL && (spec->group[0] == '\0' || strlen(spec->group) > GROUP_MAX))
		params_refuse(p, "group", "must be 1 to %d bytes long", GROUP_MAX);
}

const char *admit_tags(struct params *p, struct buf *text)
{
	json_t *tags = params_object(p, "tags"), *value;
	const char *name;

	if (tags == NULL || json_object_size(tags) == 0)
		return NULL;
	if (json_object_size(tags) > TAGS_MAX)
		params_refuse(p, "tags", "may have at most %d members", TAGS_MAX);
	json_object_foreach(tags, name, value) {
		if (name[0] == '\0' || strlen(name) > TAG_NAME_MAX)
			params_refuse(p, "tags", "has a member whose name is not 1 to %d bytes long", TAG_NAME_MAX);
		if (!json_is_string(value) || json_string_length(value) > TAG_VALUE_MAX ||
		    strlen(json_string_value(value)) != json_string_length(value))
			params_refuse(p, "tags", "must hold strings of at most %d bytes, without a NUL: \"%.64s\" is none",
				      TAG_VALUE_MAX, name);
	}
	return text_of(text, tags);
}

static void read_meta(struct params *p, struct job_spec *spec, struct texts *texts)
{
	json_t *meta = params_any(p, "meta");

	if (meta == NULL)
		return;
	spec->meta = text_of(&texts->meta, meta);
	if (buf_len(&texts->meta) > META_MAX + 1)
		params_refuse(p, "meta", "may be at most %d bytes of JSON text", META_MAX);
}

static void read_extras(struct params *p, struct admit_extras *extras)
{
	if (extras == NULL)
		return;
	extras->wait = params_span(p, "wait", -1, 0, SPAN_MAX);
	extras->dry_run = params_bool(p, "dry_run", false);
}

static int admit_members(struct params *p, wall_ms now, const struct refs *refs, struct submission *out,
			 struct admit_extras *extras, struct job_spec *spec, struct texts *texts)
{
	admit_graph_read(p, refs, out);
	read_type_and_args(p, spec, texts, refs, out);
	read_queue(p, spec, out);
	read_times(p, now, spec, out);
	read_retry(p, spec);
	read_unique(p, spec, out);
	read_concurrency(p, spec);
	read_group(p, spec);
	read_request_id(p, out);
	spec->tags = admit_tags(p, &texts->tags);
	read_meta(p, spec, texts);
	read_extras(p, extras);
	if (params_done(p) != 0)
		return -1;
	if (buf_failed(&texts->args) || buf_failed(&texts->tags) || buf_failed(&texts->meta))
		return rpc_error_set(p->error, RPC_OVERLOADED, NULL, "the daemon is out of memory: try later");
	out->spec = job_spec_new(spec);
	if (out->spec == NULL)
		return rpc_error_set(p->error, RPC_OVERLOADED, NULL, "the daemon is out of memory: try later");
	return 0;
}

static int admit(struct params *p, wall_ms now, const struct refs *refs, struct submission *out, struct admit_extras *extras)
{
	struct job_spec spec = { .refs = 1 };
	struct texts texts;
	int rc;

	memset(out, 0, sizeof(*out));
	buf_init(&texts.args);
	buf_init(&texts.tags);
	buf_init(&texts.meta);
	rc = admit_members(p, now, refs, out, extras, &spec, &texts);
	buf_free(&texts.args);
	buf_free(&texts.tags);
	buf_free(&texts.meta);
	if (rc != 0)
		admit_free(out);
	return rc;
}

int admit_read(struct params *p, wall_ms now, struct submission *out, struct admit_extras *extras)
{
	return admit(p, now, NULL, out, extras);
}

int admit_read_of_many(struct params *p, wall_ms now, const struct refs *refs, struct submission *out)
{
	return admit(p, now, refs, out, NULL);
}

void admit_free(struct submission *s)
{
	job_spec_unref(&s->spec);
	admit_graph_free(s);
}
