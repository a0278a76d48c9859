/* schedule list, show, put, delete and trigger. */
#include <string.h>

#include "client/cmd.h"
#include "client/job_check.h"
#include "client/job_options.h"
#include "client/names.h"
#include "client/table.h"

/* ---- showing ---- */

/* When it fires next, a line each. */
static void schedule_show_next(const struct ctl *ctl, json_t *next)
{
	static const char *const columns[] = { "next", NULL };
	struct table *table = json_array_size(next) > 0 ? table_new(ctl, columns) : NULL;
	json_t *time;
	size_t i;

	if (table == NULL)
		return;
	printf("\n");
	json_array_foreach(next, i, time) {
		json_t *row = json_pack("{s:O}", "next", time);

		if (row != NULL)
			table_add(table, row);
		json_decref(row);
	}
	table_free(&table);
}

/* In a pipe the next times are one more member, so that every line is a name and a value. */
static void schedule_show(void *arg, const char *name, json_t *schedule)
{
	static const char *const apart[] = { "next", NULL };
	const struct ctl *ctl = arg;

	(void)name;
	if (ctl->json) {
		ctl_print_json(schedule);
		return;
	}
	table_members(ctl, schedule, NULL, ctl->out_terminal ? apart : NULL);
	if (ctl->out_terminal)
		schedule_show_next(ctl, json_object_get(schedule, "next"));
}

/* Page after page. The exit code. */
static int schedule_list_pages(struct ctl *ctl, struct table *table)
{
	json_t *cursor = NULL, *schedule;
	int code;

	do {
		json_t *params = cursor != NULL ? json_pack("{s:o}", "cursor", cursor) : NULL;
		json_t *page = ctl_call(ctl, "schedule.list", params, &code);
		size_t i;

		json_array_foreach(json_object_get(page, "schedules"), i, schedule)
			table_add(table, schedule);
		cursor = json_incref(json_object_get(page, "next_cursor"));
		json_decref(page);
	} while (cursor != NULL);
	return code;
}

static int schedule_list_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	static const char *const columns[] = { "name", "cron", "every", "timezone", "paused", "next_at", "last_fired_at", "last_job", NULL };
	struct table *table;
	struct words w;
	int code;

	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 0, 0, &code))
		return code;
	table = table_new(ctl, columns);
	code = table != NULL ? schedule_list_pages(ctl, table) : CTL_JOB;
	table_free(&table);
	return code;
}

/* ---- by name ---- */

/* A method for each name; NULL: shows the schedules themselves. */
static int schedule_each(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, const char *method,
			 void (*each)(void *arg, const char *name, json_t *answer), const char *const *columns)
{
	struct table *table = NULL;
	struct words w;
	int code;

	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 1, INT32_MAX, &code))
		return code;
	if (columns != NULL)
		code = (table = table_new(ctl, columns)) != NULL ? 0 : CTL_JOB;
	if (code == 0)
		code = names_call(ctl, method, &w, NULL, each, columns != NULL ? (void *)table : (void *)ctl);
	table_free(&table);
	return code;
}

static int schedule_show_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	return schedule_each(ctl, cmd, argc, argv, "schedule.get", schedule_show, NULL);
}

static int schedule_delete_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	static const char *const columns[] = { "name", NULL };

	return schedule_each(ctl, cmd, argc, argv, "schedule.delete", names_add, columns);
}

static int schedule_trigger_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	static const char *const columns[] = { "id", NULL };

	return schedule_each(ctl, cmd, argc, argv, "schedule.trigger", names_add, columns);
}

/* ---- put ---- */

struct schedule_put {
	json_t *schedule;	/* the request, save the job */
	json_t *args;		/* {"args": ...}, for opt_json_value */
};

static int schedule_text(const struct opt *opt, const char *value, void *into)
{
	return opt_json_text(opt, value, ((struct schedule_put *)into)->schedule);
}

static int schedule_span(const struct opt *opt, const char *value, void *into)
{
	return opt_json_span(opt, value, ((struct schedule_put *)into)->schedule);
}

static int schedule_true(const struct opt *opt, const char *value, void *into)
{
	return opt_json_true(opt, value, ((struct schedule_put *)into)->schedule);
}

static int schedule_args(const struct opt *opt, const char *value, void *into)
{
	return opt_json_value(opt, value, ((struct schedule_put *)into)->args);
}

static const char *const schedule_overlaps[] = { "skip", "allow", "queue", NULL };
static const char *const schedule_catch_ups[] = { "none", "one", "all", NULL };

static const struct opt schedule_put_options[] = {
	{ 'c', "cron", "EXPR", "when: minute, hour, day, month and weekday, or @daily and the like", schedule_text, 0, "cron", NULL },
	{ 'e', "every", "SPAN", "when: again and again after that long", schedule_span, 0, "every", NULL },
	{ 'z', "timezone", "ZONE", "whose clocks --cron means, such as Europe/Berlin (UTC)", schedule_text, 0, "timezone", NULL },
	{ 0, "overlap", "WHAT", "while its last job is not over: skip, allow, or queue the next (skip)", schedule_text, 0, "overlap", schedule_overlaps },
	{ 0, "catch-up", "WHAT", "of what was missed while the daemon was away, fire none, one or all (one)", schedule_text, 0, "catch_up",
	  schedule_catch_ups },
	{ 0, "spread", "SPAN", "fire later by up to that much, each time by an amount of its own", schedule_span, 0, "jitter", NULL },
	{ 0, "paused", NULL, "it does not fire until it is put again without this", schedule_true, 0, "paused", NULL },
	{ 0, "args", "JSON", "the job's arguments as one JSON object; KEY=VALUE are added to it", schedule_args, 0, "args", NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

/* The whole request into p->schedule. */
static int schedule_put_read(const struct cmd *cmd, struct schedule_put *p, const struct words *w, json_t *job)
{
	int code;

	if (w->n < 2)
		return options_misused(cmd, "it needs a name, and a job's type, such as http or exec");
	if ((json_object_get(p->schedule, "cron") != NULL) == (json_object_get(p->schedule, "every") != NULL))
		return options_misused(cmd, "it needs --cron or --every, one of the two");
	if (json_object_set_new(p->schedule, "name", json_string(w->v[0])) < 0)
		return options_misused(cmd, "the name is not UTF-8");
	code = job_options_put(cmd, w, 1, json_object_get(p->args, "args"), job);
	if (code == 0)
		code = job_check_repeated(cmd, job);
	return code != 0 ? code : ctl_put(p->schedule, "job", json_incref(job)) ? 0 : CTL_JOB;
}

/* Puts it, and shows what has become of it: the times at which it will fire are the proof of what was meant. */
static int schedule_put_send(struct ctl *ctl, struct schedule_put *p)
{
	int code;
	json_t *record = ctl_call(ctl, "schedule.put", json_incref(p->schedule), &code);

	if (record != NULL)
		schedule_show(ctl, NULL, record);
	json_decref(record);
	return code;
}

static int schedule_put_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct schedule_put p = { json_object(), json_object() };
	json_t *job = json_object();
	struct words w;
	int code;

	if (options_read(ctl, cmd, argc, argv, false, &p, job, &w, &code)) {
		code = schedule_put_read(cmd, &p, &w, job);
		if (code == 0)
			code = schedule_put_send(ctl, &p);
	}
	json_decref(job);
	json_decref(p.schedule);
	json_decref(p.args);
	return code;
}

/* ---- the commands ---- */

const struct cmd cmd_schedule_put = {
	"schedule put", "NAME TYPE [KEY=VALUE...] [KEY:=JSON...] [-- CMD ARG...]", "submit a job again and again, by the clock",
	"Makes the schedule, or changes it; putting the same again moves nothing. The job is said as to submit: KEY=VALUE\n"
	"gives an argument that is a text, KEY:=JSON one of any other kind; exec takes its command after --. It may\n"
	"have all options but --at and --expires-at, which are single moments. Shows the schedule and when it will fire\n"
	"next.\n"
	"A SPAN is written 90 (seconds), 250ms, 10m or 1h30m, a TIME 2026-12-01T09:00, 18:30 or RFC 3339.\n",
	"jobctl schedule put nightly --cron '30 3 * * *' --timezone Europe/Berlin exec -- /usr/local/bin/backup\n"
	"jobctl schedule put poll --every 5m http url=https://example.org/feed --max-attempts 1\n"
	"jobctl schedule put report --cron @monthly --catch-up all --overlap queue exec -- ./report.sh\n",
	{ schedule_put_options, job_options }, schedule_put_main
};

const struct cmd cmd_schedule_list = {
	"schedule list", "", "list the schedules",
	NULL,
	"jobctl schedule list\n",
	{ NULL, NULL }, schedule_list_main
};

const struct cmd cmd_schedule_show = {
	"schedule show", "NAME...", "show schedules, and when they fire next",
	NULL,
	"jobctl schedule show nightly\n"
	"jobctl schedule show nightly --json | jq .next\n",
	{ NULL, NULL }, schedule_show_main
};

const struct cmd cmd_schedule_delete = {
	"schedule delete", "NAME...", "delete schedules",
	"The jobs that they submitted stay.\n",
	"jobctl schedule delete nightly\n",
	{ NULL, NULL }, schedule_delete_main
};

const struct cmd cmd_schedule_trigger = {
	"schedule trigger", "NAME...", "submit schedules' jobs now; prints ids",
	"Beside the times at which they fire, which stay as they are.\n",
	"jobctl schedule trigger nightly | xargs jobctl wait\n",
	{ NULL, NULL }, schedule_trigger_main
};
