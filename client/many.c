#include "client/many.h"

#include <stdint.h>
#include <string.h>

#include "client/ctl.h"
#include "client/question.h"
#include "client/table.h"
#include "proto/error.h"

enum { MANY_PAGE = 1000 };

struct many_verb {
	const char *name;
	const char *method;		/* that does it all in the daemon; NULL: job by job */
	const char *states[6];		/* it does something to jobs in these, NULL-ended */
};

static const struct many_verb many_verbs[] = {
	{ "cancel", "job.cancel_many", { "held", "blocked", "scheduled", "ready", "running", NULL } },
	{ "retry", "job.retry_many", { "succeeded", "failed", "cancelled", "expired", NULL } },
	{ "delete", "job.delete_many", { "succeeded", "failed", "cancelled", "expired", NULL } },
	{ "hold", NULL, { "blocked", "scheduled", "ready", NULL } },
	{ "release", NULL, { "held", NULL } },
};

static const struct many_verb *many_verb(const char *name)
{
	const struct many_verb *verb = many_verbs;

	while (strcmp(verb->name, name) != 0)
		verb++;
	return verb;
}

/* ---- the question ---- */

/* How many jobs it would change now; < 0: failed, was said, and *code is the exit code. */
static int64_t many_count(struct ctl *ctl, const struct many_verb *verb, json_t *filter, int *code)
{
	json_t *answer = ctl_call(ctl, "job.count", json_incref(filter), code), *by_state;
	int64_t count = 0;

	if (answer == NULL)
		return -1;
	by_state = json_object_get(answer, "by_state");
	for (const char *const *state = verb->states; *state != NULL; state++)
		count += json_integer_value(json_object_get(by_state, *state));
	json_decref(answer);
	return count;
}

/* -1: go on; else the exit code. */
static int many_ask(struct ctl *ctl, const struct many_verb *verb, json_t *filter)
{
	int code;
	int64_t count = many_count(ctl, verb, filter, &code);

	if (count < 0)
		return code;
	if (count == 0 || question_ask(ctl, "%s %lld job%s?", verb->name, (long long)count, count == 1 ? "" : "s"))
		return -1;
	return CTL_JOB;
}

/* ---- job by job ---- */

struct many {
	struct ctl *ctl;
	char method[32];
	int64_t matched, done;
	int code;			/* of the last refusal */
};

/* One answer. A job that has gone on meanwhile is no failure. */
static void many_settle(struct many *m, int64_t id, int64_t number, struct jobd_error *error)
{
	json_t *answer = number > 0 ? jobd_receive(m->ctl->conn, &number, -1, error) : NULL;
	char what[32];

	m->matched++;
	if (answer != NULL)
		m->done++;
	json_decref(answer);
	if (answer != NULL || error->code == rpc_error_code(RPC_CONFLICT) || error->code == rpc_error_code(RPC_NOT_FOUND))
		return;
	snprintf(what, sizeof(what), "job %lld", (long long)id);
	m->code = ctl_refused(error->code != 0 ? what : NULL, error);
}

static void many_page(struct many *m, const json_t *jobs)
{
	int64_t ids[MANY_PAGE], numbers[MANY_PAGE];
	size_t n = json_array_size(jobs);
	struct jobd_error error;

	for (size_t i = 0; i < n && i < MANY_PAGE; i++) {
		ids[i] = json_integer_value(json_object_get(json_array_get(jobs, i), "id"));
		numbers[i] = jobd_send(m->ctl->conn, m->method, json_pack("{s:I}", "id", (json_int_t)ids[i]), &error);
	}
	for (size_t i = 0; i < n && i < MANY_PAGE && m->code != CTL_NO_DAEMON; i++)
		many_settle(m, ids[i], numbers[i], &error);
}

/* The filter, of the states the verb is for where it names none, and where to go on. NULL: out of memory, was said. */
static json_t *many_list_params(const struct many_verb *verb, json_t *filter, json_t *cursor)
{
	json_t *params = json_copy(filter), *states = json_array();

	for (const char *const *state = verb->states; *state != NULL; state++)
		json_array_append_new(states, json_string(*state));
	if (ctl_put(params, "limit", json_integer(MANY_PAGE)) && (cursor == NULL || ctl_put(params, "cursor", json_incref(cursor))) &&
	    (json_object_get(params, "state") != NULL || ctl_put(params, "state", json_incref(states)))) {
		json_decref(states);
		return params;
	}
	json_decref(states);
	json_decref(params);
	return NULL;
}

/* Newest first, so that what is submitted meanwhile does not come into it. The answer as the daemon's own would be. */
static json_t *many_each(struct ctl *ctl, const struct many_verb *verb, json_t *filter, int *code)
{
	struct many m = { .ctl = ctl };
	json_t *cursor = NULL;

	snprintf(m.method, sizeof(m.method), "job.%s", verb->name);
	do {
		json_t *params = many_list_params(verb, filter, cursor);
		json_t *page = params != NULL ? ctl_call(ctl, "job.list", params, &m.code) : NULL;

		json_decref(cursor);
		cursor = NULL;
		if (page == NULL) {
			*code = params != NULL ? m.code : CTL_JOB;
			return NULL;
		}
		many_page(&m, json_object_get(page, "jobs"));
		cursor = json_incref(json_object_get(page, "next_cursor"));
		json_decref(page);
	} while (cursor != NULL && m.code != CTL_NO_DAEMON);
	json_decref(cursor);
	*code = m.code;
	return json_pack("{s:I, s:I}", "matched", (json_int_t)m.matched, "done", (json_int_t)m.done);
}

/* ---- either ---- */

int many_change(struct ctl *ctl, const char *name, json_t *filter, bool sure)
{
	static const char *const columns[] = { "matched", "done", NULL };
	const struct many_verb *verb = many_verb(name);
	struct table *table;
	json_t *answer;
	int code = ctl_connect(ctl);

	if (code != 0)
		return code;
	code = !sure && question_possible(ctl) ? many_ask(ctl, verb, filter) : -1;
	if (code >= 0)
		return code;
	answer = verb->method != NULL ? ctl_call(ctl, verb->method, json_incref(filter), &code) : many_each(ctl, verb, filter, &code);
	table = answer != NULL ? table_new(ctl, columns) : NULL;
	if (table != NULL)
		table_add(table, answer);
	table_free(&table);
	json_decref(answer);
	return code;
}
