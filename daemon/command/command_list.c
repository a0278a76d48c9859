/* command_list: job.list and job.count. */
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "command/command.h"
#include "parts.h"
#include "reason.h"
#include "record.h"

enum { FILTER_NAMES_MAX = 100, TAGS_MAX = 32, LIST_DEFAULT = 100, LIST_MAX = 1000 };

/* A filter with the arrays it points to. */
struct filter {
	struct job_filter of;
	const char *queues[FILTER_NAMES_MAX + 1], *types[FILTER_NAMES_MAX + 1];
	const char *tag_names[TAGS_MAX + 1], *tag_values[TAGS_MAX + 1];
	struct job_reasons *reasons;
};

/* One string or an array of them. NULL if absent (or wrong: the error is set). */
static const char *const *read_names(struct params *p, const char *name, const char *names[FILTER_NAMES_MAX + 1])
{
	int n = params_strings(p, name, true, names, FILTER_NAMES_MAX);

	if (n < 0)
		return NULL;
	names[n] = NULL;
	return names;
}

static void read_tags(struct params *p, struct filter *f)
{
	json_t *tags = params_object(p, "tags"), *value;
	const char *name;
	size_t n = 0;

	if (tags == NULL || json_object_size(tags) == 0)
		return;
	if (json_object_size(tags) > TAGS_MAX) {
		params_refuse(p, "tags", "may have at most %d members", TAGS_MAX);
		return;
	}
	json_object_foreach(tags, name, value) {
		if (!json_is_string(value) || strlen(json_string_value(value)) != json_string_length(value)) {
			params_refuse(p, "tags", "must hold strings: \"%.64s\" is none", name);
			return;
		}
		f->tag_names[n] = name;
		f->tag_values[n++] = json_string_value(value);
	}
	f->of.tag_names = f->tag_names;
	f->of.tag_values = f->tag_values;
}

/* Bits 1 << enum reason; 0 if absent. */
static unsigned read_reasons(struct params *p)
{
	const char *names[FILTER_NAMES_MAX];
	int n = params_strings(p, "reason", true, names, FILTER_NAMES_MAX);
	unsigned reasons = n == 0 ? 1u << REASONS : 0;

	for (int i = 0; i < n; i++) {
		if (reason_of(names[i]) == REASONS)
			params_refuse(p, "reason", "must be out of held, dependency, delay, retry, draining, queue_paused, no_worker, rate, "
						   "queue_concurrency, key_concurrency, io_busy, pool_busy and next, not \"%.32s\"",
				      names[i]);
		reasons |= 1u << reason_of(names[i]);
	}
	return reasons;
}

/* Narrows the filter to jobs that wait for one of the reasons, as it is now. 0 or -errno. */
static int add_reasons(struct call *call, struct filter *f, unsigned reasons)
{
	unsigned states = reason_states(reasons);
	int rc;

	if (reasons == 0 || call->error.kind != RPC_OK)
		return 0;
	if (f->of.states != 0)
		states &= f->of.states;
	f->of.states = states != 0 ? states : 1u << JOB_NONE;
	rc = reason_filter(reasons, &call->parts->backlog, &call->parts->dispatch, &f->reasons);
	f->of.reasons = f->reasons;
	return rc;
}

struct job_filter *command_filter(struct call *call)
{
	int rc;

	struct params *p = &call->params;
	struct filter *f = calloc(1, sizeof(*f));

	if (f == NULL) {
		command_fail(call, -ENOMEM);
		return NULL;
	}
	f->of.states = command_states(p, "state", true);
	f->of.queues = read_names(p, "queue", f->queues);
	f->of.types = read_names(p, "type", f->types);
	read_tags(p, f);
	rc = add_reasons(call, f, read_reasons(p));
	if (rc != 0) {
		command_fail(call, rc);
		free(f);
		return NULL;
	}
	return &f->of;
}

void command_filter_free(struct job_filter **filter)
{
	struct filter *f = (struct filter *)*filter;

	*filter = NULL;
	reason_filter_free(&f->reasons);
	free(f);
}

/* ---- list ---- */

struct list_order {
	bool newest_first, full;
	size_t limit;
	int64_t after_id;
};

/* A cursor is the order's letter and the last id: "n42". */
static void read_cursor(struct params *p, struct list_order *o)
{
	const char *cursor = params_string(p, "cursor", NULL);
	char *end;

	if (cursor == NULL)
		return;
	errno = 0;
	o->after_id = cursor[0] != '\0' ? strtoll(cursor + 1, &end, 10) : 0;
	if (o->after_id < 1 || errno != 0 || *end != '\0' || cursor[0] != (o->newest_first ? 'n' : 'o'))
		params_refuse(p, "cursor", "must be a next_cursor of the same list, in the same order");
}

static void read_order(struct params *p, struct list_order *o)
{
	static const char *const orders[] = { "newest", "oldest", NULL };

	memset(o, 0, sizeof(*o));
	o->newest_first = params_word(p, "order", 0, orders) == 0;
	o->limit = (size_t)params_int(p, "limit", LIST_DEFAULT, 1, LIST_MAX);
	o->full = params_bool(p, "full", false);
	read_cursor(p, o);
}

/* Is it still for one of the reasons asked for that it waits? */
static bool still_passes(const struct call *call, const struct job_filter *f, const struct job_record *record)
{
	return reason_asked(f->reasons, record_reason(&record->row, &call->parts->backlog, &call->parts->dispatch));
}

/* Writes the records that fit into a message; returns how many it has dealt with. At least one always fits. */
static size_t put_page(struct call *call, const struct job_page *page, const struct job_filter *f, bool full)
{
	struct parts *parts = call->parts;
	size_t i;

	jw_key(&call->w, "jobs");
	jw_array(&call->w);
	for (i = 0; i < page->n; i++) {
		size_t before = buf_len(&call->result);
		bool comma = call->w.comma;

		if (!still_passes(call, f, &page->v[i]))
			continue;
		record_write(&call->w, &page->v[i], &parts->backlog, &parts->dispatch, full);
		if (i > 0 && buf_len(&call->result) + 256 > parts->limits.message_bytes) {
			buf_truncate(&call->result, before);
			call->w.comma = comma;
			break;
		}
	}
	jw_array_end(&call->w);
	return i;
}

static int put_list(struct call *call, const struct job_filter *f, const struct list_order *o)
{
	struct job_page page;
	char cursor[32];
	size_t n;
	int rc = store_list(call->parts->store, f, o->newest_first, o->after_id, o->limit, o->full, &page);

	if (rc != 0)
		return command_fail(call, rc);
	jw_object(&call->w);
	n = put_page(call, &page, f, o->full);
	if (n > 0 && (page.more || n < page.n)) {
		snprintf(cursor, sizeof(cursor), "%c%lld", o->newest_first ? 'n' : 'o', (long long)page.v[n - 1].row.id);
		jw_put_string(&call->w, "next_cursor", cursor);
	}
	jw_object_end(&call->w);
	job_page_free(&page);
	return 0;
}

static int job_list(struct call *call)
{
	struct job_filter *f = command_filter(call);
	struct list_order order;
	int rc = -1;

	if (f == NULL)
		return -1;
	read_order(&call->params, &order);
	if (params_done(&call->params) == 0 && command_enter_large(call) == 0)
		rc = put_list(call, f, &order);
	command_filter_free(&f);
	return rc;
}

/* ---- count ---- */

static int put_count(struct call *call, const struct job_filter *f)
{
	int64_t by_state[JOB_STATES] = { 0 }, total = 0;
	int rc = store_count(call->parts->store, f, by_state);

	if (rc != 0)
		return command_fail(call, rc);
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		total += by_state[s];
	jw_object(&call->w);
	jw_put_int(&call->w, "total", total);
	jw_key(&call->w, "by_state");
	jw_object(&call->w);
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		jw_put_int(&call->w, job_state_name((enum job_state)s), by_state[s]);
	jw_object_end(&call->w);
	jw_object_end(&call->w);
	return 0;
}

static int job_count(struct call *call)
{
	struct job_filter *f = command_filter(call);
	int rc = -1;

	if (f == NULL)
		return -1;
	if (params_done(&call->params) == 0)
		rc = put_count(call, f);
	command_filter_free(&f);
	return rc;
}

const struct command command_job_list = { "job.list", true, job_list };
const struct command command_job_count = { "job.count", true, job_count };
