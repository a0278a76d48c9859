/* update: jobs that have not started, with another priority, queue, time or tags. */
#include <stddef.h>
#include <string.h>

#include "client/cmd.h"
#include "client/ids.h"
#include "client/job_check.h"
#include "client/table.h"
#include "client/times.h"
#include "proto/timefmt.h"

struct update {
	json_t *changes;
	int64_t delay_ms;	/* -1: not given */
	bool no_tags;
};

static int update_change(const struct opt *opt, const char *value, void *into);

#define CHANGE(letter, name, value, help, member) { letter, name, value, help, update_change, 0, member, NULL }

static const struct opt update_options[] = {
	CHANGE('p', "priority", "N", "-1000 to 1000; higher runs first in its queue", "priority"),
	CHANGE('Q', "queue", "NAME", "move it to this queue", "queue"),
	CHANGE(0, "at", "TIME", "start no sooner than at that time; now: as soon as it can", "run_at"),
	{ 'd', "delay", "SPAN", "start no sooner than that from now", opt_span, offsetof(struct update, delay_ms), NULL, NULL },
	CHANGE('t', "tag", "K=V", "the tags it has from now on, instead of those it had; may be repeated", "tags"),
	{ 0, "no-tags", NULL, "take all tags off it", opt_flag, offsetof(struct update, no_tags), NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

static int update_change(const struct opt *opt, const char *value, void *into)
{
	json_t *changes = ((struct update *)into)->changes;

	if (strcmp(opt->member, "priority") == 0)
		return opt_json_int(opt, value, changes);
	if (strcmp(opt->member, "queue") == 0)
		return opt_json_text(opt, value, changes);
	if (strcmp(opt->member, "tags") == 0)
		return opt_json_pair(opt, value, changes);
	if (strcmp(value, "now") == 0)
		return json_object_set_new(changes, opt->member, json_null());	/* by the daemon's clock */
	return opt_json_time(opt, value, changes);
}

/* From now by the daemon's clock, which need not be ours. The exit code. */
static int update_put_delay(struct ctl *ctl, struct update *u)
{
	char text[TIMEFMT_SIZE];
	int64_t now;
	int code;
	json_t *answer = ctl_call(ctl, "daemon.ping", NULL, &code);
	const char *said = json_string_value(json_object_get(answer, "now"));

	if (answer == NULL)
		return code;
	if (said == NULL || timefmt_read(said, &now) < 0 || now > TIMEFMT_LAST_MS - u->delay_ms) {
		ctl_error("--delay: the daemon's clock cannot be told");
		code = CTL_REFUSED;
	} else {
		timefmt_write(text, now + u->delay_ms);
		code = ctl_put(u->changes, "run_at", json_string(text)) ? CTL_DONE : CTL_JOB;
	}
	json_decref(answer);
	return code;
}

static int update_check(const struct ctl *ctl, const struct cmd *cmd, struct update *u)
{
	if (u->delay_ms >= 0 && json_object_get(u->changes, "run_at") != NULL)
		return options_misused(cmd, "--at and --delay say the same: one of the two");
	if (u->no_tags && json_object_get(u->changes, "tags") != NULL)
		return options_misused(cmd, "--tag and --no-tags: one of the two");
	if (u->no_tags && !ctl_put(u->changes, "tags", json_object()))
		return CTL_JOB;
	if (json_object_size(u->changes) == 0 && u->delay_ms < 0)
		return options_misused(cmd, "it needs something to change, such as --priority");
	job_check_past(ctl, u->changes);
	return CTL_DONE;
}

static void update_show(void *arg, int64_t id, json_t *record)
{
	(void)id;
	table_add(arg, record);
}

static int update_each(struct ctl *ctl, struct update *u, const struct ids *ids)
{
	static const char *const columns[] = { "id", "state", "reason", "type", "queue", "priority", "run_at", "tags", NULL };
	struct table *table;
	int code = u->delay_ms >= 0 ? update_put_delay(ctl, u) : CTL_DONE;

	if (code != CTL_DONE)
		return code;
	table = table_new(ctl, columns);
	code = table != NULL ? ids_call(ctl, ids, "job.update", u->changes, update_show, table) : CTL_JOB;
	table_free(&table);
	return code;
}

static int update_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct update u = { .changes = json_object(), .delay_ms = -1 };
	struct ids ids;
	int code;

	if (ids_read(ctl, cmd, argc, argv, &u, &ids, &code)) {
		code = update_check(ctl, cmd, &u);
		if (code == CTL_DONE)
			code = update_each(ctl, &u, &ids);
	}
	ids_free(&ids);
	json_decref(u.changes);
	return code;
}

const struct cmd cmd_update = {
	"update", "ID...", "change jobs that have not started",
	"Another priority, queue, time or tags; what is not named stays.\n"
	"A SPAN is written 90 (seconds), 250ms, 10m or 1h30m, a TIME 2026-12-01T09:00, 18:30 or RFC 3339.\n",
	"jobctl update 42 --priority 100\n"
	"jobctl update 42 43 --queue slow --at 18:30\n"
	"jobctl update 42 --at now\n",
	{ update_options, NULL }, update_main
};
