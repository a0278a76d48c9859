/* wait: until jobs are over, or have started. */
#include <stddef.h>
#include <string.h>

#include "client/cmd.h"
#include "client/ids.h"
#include "client/outlast.h"
#include "client/table.h"

enum { WAIT_IDS = 1000 /* in one job.wait */ };

static const char *const wait_fors[] = { "final", "started", NULL };

struct wait {
	int64_t timeout_ms;	/* -1: for ever */
	const char *until;
};

static const struct opt wait_options[] = {
	{ 0, "timeout", "SPAN", "give up after that long (exit code 5); 0 only looks", opt_span, offsetof(struct wait, timeout_ms), NULL, NULL },
	{ 0, "for", "WHAT", "final: until they are over; started: until they have begun", opt_text, offsetof(struct wait, until), NULL, wait_fors },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

/* NULL: out of memory, was said. */
static json_t *wait_params(const struct wait *wait, const struct ids *ids)
{
	json_t *params = json_object();

	if (ctl_put(params, "ids", ids_array(ids)) &&
	    (wait->until == NULL || ctl_put(params, "for", json_string(wait->until))))
		return params;
	json_decref(params);
	return NULL;
}

static int wait_show(const struct wait *wait, const json_t *answer, struct table *table)
{
	bool final = wait->until == NULL || strcmp(wait->until, "final") == 0;
	int code = CTL_DONE;
	json_t *record;
	size_t i;

	json_array_foreach(json_object_get(answer, "jobs"), i, record) {
		const char *state = json_string_value(json_object_get(record, "state"));

		table_add(table, record);
		if (final && (state == NULL || strcmp(state, "succeeded") != 0))
			code = CTL_JOB;
	}
	return code;
}

/* What is left of the time is for the others. */
static int wait_some(struct ctl *ctl, struct wait *wait, const struct ids *ids, struct table *table)
{
	json_t *params = wait_params(wait, ids), *answer;
	int code;

	if (params == NULL)
		return CTL_JOB;
	answer = outlast_wait(ctl, params, &wait->timeout_ms, &code);
	if (answer == NULL)
		return code;
	code = wait_show(wait, answer, table);
	json_decref(answer);
	return code;
}

/* As many at once as the daemon takes. */
static int wait_all(struct ctl *ctl, struct wait *wait, const struct ids *ids)
{
	static const char *const columns[] = { "id", "state", "type", "queue", "error", NULL };
	struct table *table = table_new(ctl, columns);
	int code = CTL_DONE, last = CTL_DONE;

	if (table == NULL)
		return CTL_JOB;
	for (size_t at = 0; at < ids->n && (last == CTL_DONE || last == CTL_JOB); at += WAIT_IDS) {
		struct ids some = { ids->v + at, ids->n - at < WAIT_IDS ? ids->n - at : WAIT_IDS };

		last = wait_some(ctl, wait, &some, table);
		if (last != CTL_DONE)
			code = last;
	}
	table_free(&table);
	return code;
}

static int wait_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct wait wait = { .timeout_ms = -1 };
	struct ids ids;
	int code;

	if (!ids_read(ctl, cmd, argc, argv, &wait, &ids, &code))
		return code;
	code = wait_all(ctl, &wait, &ids);
	ids_free(&ids);
	return code;
}

const struct cmd cmd_wait = {
	"wait", "ID...", "wait until jobs are over",
	"Prints them then. The exit code is 0 if all succeeded, 1 if one failed, was cancelled or expired, 5 if the\n"
	"time ran out; with --for started it is 0 as soon as all have begun. A SPAN is written 90 (seconds), 250ms, 10m\n"
	"or 1h30m.\n",
	"jobctl wait 42\n"
	"jobctl wait 42 43 44 --timeout 10m\n",
	{ wait_options, NULL }, wait_main
};
