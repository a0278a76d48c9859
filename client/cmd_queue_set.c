/* queue set and purge. */
#include <errno.h>
#include <math.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "client/cmd.h"
#include "client/names.h"
#include "client/question.h"
#include "client/queues.h"
#include "client/table.h"

/* ---- set ---- */

struct queue_set {
	json_t *changes;
	int64_t burst;		/* -1: not given */
};

static int queue_set_wrong(const struct opt *opt, const char *value, const char *is)
{
	ctl_error("--%s: it is %s, or none, not \"%s\"", opt->name, is, value);
	return -1;
}

static int queue_set_put(json_t *changes, const char *member, json_t *value)
{
	return ctl_put(changes, member, value) ? 0 : -1;
}

static int queue_set_number(const struct opt *opt, const char *value, void *into)
{
	json_t *changes = ((struct queue_set *)into)->changes;
	char *end;
	long long number;

	if (strcmp(value, "none") == 0)
		return queue_set_put(changes, opt->member, json_null());
	errno = 0;
	number = strtoll(value, &end, 10);
	if (errno != 0 || *end != '\0' || value[0] < '0' || value[0] > '9' || number == 0)
		return queue_set_wrong(opt, value, "a positive whole number");
	return queue_set_put(changes, opt->member, json_integer(number));
}

/* The seconds of "/m"; 0: it is none of these. */
static double queue_set_per(const char *text)
{
	static const struct {
		const char *text;
		double seconds;
	} units[] = { { "", 1 }, { "/s", 1 }, { "/m", 60 }, { "/h", 3600 }, { "/d", 86400 } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strcmp(units[i].text, text) == 0)
			return units[i].seconds;
	return 0;
}

static int queue_set_rate(const struct opt *opt, const char *value, void *into)
{
	json_t *changes = ((struct queue_set *)into)->changes;
	char *end;
	double number, per;

	if (strcmp(value, "none") == 0)
		return queue_set_put(changes, opt->member, json_null());
	number = value[0] >= '0' && value[0] <= '9' ? strtod(value, &end) : 0;
	per = number > 0 && isfinite(number) ? queue_set_per(end) : 0;
	if (per == 0)
		return queue_set_wrong(opt, value, "a number of starts such as 10/s, 100/m or 5/h");
	return queue_set_put(changes, opt->member, json_pack("{s:f}", "per_second", number / per));
}

static const struct opt queue_set_options[] = {
	{ 'c', "concurrency", "N", "at most N of its jobs run at once; none: any number", queue_set_number, 0, "concurrency", NULL },
	{ 'r', "rate", "N[/UNIT]", "at most N attempts started per s, m, h or d (s); none: any number", queue_set_rate, 0, "rate", NULL },
	{ 'b', "burst", "N", "with --rate: so many may start at once after a pause (what a second brings, 1 at least)", opt_number,
	  offsetof(struct queue_set, burst), NULL, NULL },
	{ 'w', "weight", "N", "its share beside the other queues; none: the daemon's", queue_set_number, 0, "weight", NULL },
	{ 'm', "max-ready", "N", "it refuses jobs while N of its wait; none: it takes any number", queue_set_number, 0, "max_ready", NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

static int queue_set_finish(const struct cmd *cmd, struct queue_set *s)
{
	json_t *rate = json_object_get(s->changes, "rate");

	if (s->burst == 0)
		return options_misused(cmd, "--burst: it is 1 or more");
	if (json_object_size(s->changes) == 0)
		return options_misused(cmd, s->burst > 0 ? "--burst goes with --rate" : "it needs something to set, such as --concurrency");
	if (!json_is_object(rate))
		return s->burst > 0 ? options_misused(cmd, "--burst goes with --rate") : 0;
	return s->burst < 0 || ctl_put(rate, "burst", json_integer(s->burst)) ? 0 : CTL_JOB;
}

static int queue_set_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct queue_set s = { .changes = json_object(), .burst = -1 };
	struct words w;
	int code;

	if (options_words(ctl, cmd, argc, argv, &s, &w, 1, INT32_MAX, &code)) {
		code = queue_set_finish(cmd, &s);
		if (code == 0)
			code = queues_table(ctl, "queue.set", &w, s.changes);
	}
	json_decref(s.changes);
	return code;
}

/* ---- purge ---- */

/* What has not started of a queue. */
static void queue_purge_count(void *arg, const char *name, json_t *queue)
{
	static const char *const states[] = { "held", "blocked", "scheduled", "ready" };
	json_t *counts = json_object_get(queue, "counts");

	(void)name;
	for (size_t i = 0; i < sizeof(states) / sizeof(states[0]); i++)
		*(int64_t *)arg += json_integer_value(json_object_get(counts, states[i]));
}

/* -1: go on; else the exit code. */
static int queue_purge_ask(struct ctl *ctl, const struct words *w)
{
	int64_t waiting = 0;
	int code = names_call(ctl, "queue.get", w, NULL, queue_purge_count, &waiting);

	if (code != CTL_DONE)
		return code;
	if (waiting == 0 || question_ask(ctl, "cancel %lld job%s of %s%s?", (long long)waiting, waiting == 1 ? "" : "s",
					 w->n == 1 ? "queue " : "these queues", w->n == 1 ? w->v[0] : ""))
		return -1;
	return CTL_JOB;
}

static int queue_purge_names(struct ctl *ctl, const struct words *w)
{
	static const char *const columns[] = { "name", "cancelled", NULL };
	struct table *table = table_new(ctl, columns);
	int code = table != NULL ? names_call(ctl, "queue.purge", w, NULL, names_add, table) : CTL_JOB;

	table_free(&table);
	return code;
}

static int queue_purge_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	bool sure = false;
	struct words w;
	int code;

	if (!options_words(ctl, cmd, argc, argv, &sure, &w, 1, INT32_MAX, &code))
		return code;
	code = !sure && question_possible(ctl) ? queue_purge_ask(ctl, &w) : -1;
	return code < 0 ? queue_purge_names(ctl, &w) : code;
}

static const struct opt queue_purge_options[] = {
	{ 'y', "yes", NULL, "do not ask", opt_flag, 0, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

/* ---- the commands ---- */

const struct cmd cmd_queue_set = {
	"queue set", "NAME...", "limit queues, or share the room among them",
	"What is set lasts over restarts; none clears it, and what the daemon is configured with holds again. What is not\n"
	"named stays.\n",
	"jobctl queue set mail --rate 100/m --burst 10\n"
	"jobctl queue set builds --concurrency 2 --weight 5\n"
	"jobctl queue set mail --rate none --max-ready 10000\n",
	{ queue_set_options, NULL }, queue_set_main
};

const struct cmd cmd_queue_purge = {
	"queue purge", "NAME...", "cancel all jobs of queues that have not started",
	"Exactly those that are there at this moment. What runs goes on. On a terminal it asks first.\n",
	"jobctl queue purge mail\n"
	"jobctl queue purge mail --yes\n",
	{ queue_purge_options, NULL }, queue_purge_main
};
