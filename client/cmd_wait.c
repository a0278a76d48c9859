/* wait: until jobs are over, or have started. */
#include <stddef.h>
#include <string.h>

#include "client/cmd.h"
#include "client/ids.h"
#include "client/table.h"
#include "client/times.h"

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
	    (wait->timeout_ms < 0 || ctl_put(params, "timeout", times_seconds(wait->timeout_ms))) &&
	    (wait->until == NULL || ctl_put(params, "for", json_string(wait->until))))
		return params;
	json_decref(params);
	return NULL;
}

static int wait_show(struct ctl *ctl, const struct wait *wait, const json_t *answer)
{
	static const char *const columns[] = { "id", "state", "type", "queue", "error", NULL };
	bool final = wait->until == NULL || strcmp(wait->until, "final") == 0;
	struct table *table = table_new(ctl, columns);
	int code = table != NULL ? CTL_DONE : CTL_JOB;
	json_t *record;
	size_t i;

	json_array_foreach(json_object_get(answer, "jobs"), i, record) {
		const char *state = json_string_value(json_object_get(record, "state"));

		if (table != NULL)
			table_add(table, record);
		if (final && (state == NULL || strcmp(state, "succeeded") != 0))
			code = CTL_JOB;
	}
	table_free(&table);
	return code;
}

static int wait_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct wait wait = { .timeout_ms = -1 };
	struct ids ids;
	json_t *params, *answer;
	int code;

	if (!ids_read(ctl, cmd, argc, argv, &wait, &ids, &code))
		return code;
	params = wait_params(&wait, &ids);
	answer = params != NULL ? ctl_call(ctl, "job.wait", params, &code) : NULL;
	if (params == NULL)
		code = CTL_JOB;
	if (answer != NULL)
		code = wait_show(ctl, &wait, answer);
	json_decref(answer);
	ids_free(&ids);
	return code;
}

const struct cmd cmd_wait = {
	"wait", "ID...", "wait until jobs are over",
	"Prints them then. The exit code is 0 if all succeeded, 1 if one failed, was cancelled or expired, 5 if the\n"
	"time ran out; with --for started it is 0 as soon as all have begun.\n",
	"jobctl wait 42\n"
	"jobctl wait 42 43 44 --timeout 10m\n",
	{ wait_options, NULL }, wait_main
};
