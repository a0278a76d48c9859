/* list and count: the jobs that pass a filter. */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "client/cmd.h"
#include "client/job_options.h"
#include "client/table.h"

enum { LIST_USUAL = 100, LIST_PAGE = 1000, LIST_COLUMNS_MAX = 40 };

static const char *const list_orders[] = { "newest", "oldest", NULL };

struct list {
	int64_t limit;			/* -1: not given */
	bool all, full;
	const char *order;
	const char *columns;		/* "a,b" */
	char *split;			/* a copy, cut at its commas */
	const char *chosen[LIST_COLUMNS_MAX + 1];
};

static const struct opt list_options[] = {
	{ 'n', "limit", "N", "at most N jobs, 1 or more (100)", opt_number, offsetof(struct list, limit), NULL, NULL },
	{ 'a', "all", NULL, "all of them", opt_flag, offsetof(struct list, all), NULL, NULL },
	{ 0, "order", "ORDER", "newest or oldest first (newest)", opt_text, offsetof(struct list, order), NULL, list_orders },
	{ 0, "full", NULL, "with args, meta and results, for --json", opt_flag, offsetof(struct list, full), NULL, NULL },
	{ 'o', "columns", "MEMBER,...", "show these members of the records, e.g. id,state,error,tags.for", opt_text,
	  offsetof(struct list, columns), NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

/* ---- list ---- */

/* The members of a listed record. A dot ends the name of one whose own members may be asked for, such as tags.for. */
static const char *const list_members[] = {
	"id", "type", "class", "queue", "priority", "state", "reason", "attempt", "max_attempts", "group", "args.", "tags.", "meta.",
	"submitted_at", "run_at", "started_at", "finished_at", "expires_at", "timeout", "after", "unique_key", "concurrency.", "schedule",
	"scheduled_for", "cancel_requested_at", "progress.", "result.", "error.", "output_bytes.", NULL
};

/* What only a full record has. */
static bool list_in_full(const char *column, size_t len)
{
	static const char *const only[] = { "args", "meta", "result" };

	for (size_t i = 0; i < sizeof(only) / sizeof(only[0]); i++)
		if (strlen(only[i]) == len && memcmp(only[i], column, len) == 0)
			return true;
	return false;
}

static bool list_is_member(const char *column)
{
	size_t len = strcspn(column, ".");

	for (const char *const *member = list_members; *member != NULL; member++)
		if (strncmp(*member, column, len) == 0)
			if ((*member)[len] == column[len] || ((*member)[len] == '.' && column[len] == '\0'))
				return column[len] == '\0' || column[len + 1] != '\0';
	return false;
}

/* Says which there are. CTL_USAGE. */
static int list_no_member(const struct cmd *cmd, const char *column)
{
	char names[440] = "";
	size_t len = 0;

	for (const char *const *member = list_members; *member != NULL && len < sizeof(names); member++)
		len += (size_t)snprintf(names + len, sizeof(names) - len, "%s%.*s", len > 0 ? ", " : "", (int)strcspn(*member, "."), *member);
	return options_misused(cmd, "--columns: there is no \"%.40s\" in a list, only %s", column, names);
}

/* Cuts l->columns at its commas. 0, or the exit code, having said what is wrong. */
static int list_choose(const struct cmd *cmd, struct list *l)
{
	size_t n = 0;

	l->split = strdup(l->columns);
	for (char *rest = l->split, *name; (name = strsep(&rest, ",")) != NULL;) {
		if (n == LIST_COLUMNS_MAX)
			return options_misused(cmd, "--columns: it is at most %d members", LIST_COLUMNS_MAX);
		if (!list_is_member(name))
			return list_no_member(cmd, name);
		l->full |= list_in_full(name, strcspn(name, "."));
		l->chosen[n++] = name;
	}
	if (n > 0)
		return 0;
	ctl_error("out of memory");
	return CTL_JOB;
}

static const char *const *list_columns(const struct list *l)
{
	static const char *const usual[] = { "id", "state", "reason", "type", "queue", "priority", "attempt", "submitted_at", "error", NULL };

	return l->columns != NULL ? l->chosen : usual;
}

/* NULL: out of memory, was said. */
static json_t *list_page_params(const struct list *l, json_t *filter, int64_t left, const char *cursor)
{
	json_t *params = json_copy(filter);

	if (ctl_put(params, "limit", json_integer(left < LIST_PAGE ? left : LIST_PAGE)) &&
	    (l->order == NULL || ctl_put(params, "order", json_string(l->order))) &&
	    (!l->full || ctl_put(params, "full", json_true())) &&
	    (cursor == NULL || ctl_put(params, "cursor", json_string(cursor))))
		return params;
	json_decref(params);
	return NULL;
}

/* Adds a page's jobs. The cursor to go on with, a new reference; NULL at the end. */
static json_t *list_page(struct table *table, const json_t *page, int64_t *left)
{
	json_t *jobs = json_object_get(page, "jobs"), *job;
	size_t i;

	json_array_foreach(jobs, i, job)
		table_add(table, job);
	table_flush(table);
	*left -= (int64_t)json_array_size(jobs);
	return json_incref(json_object_get(page, "next_cursor"));
}

static int list_pages(struct ctl *ctl, const struct list *l, json_t *filter, struct table *table)
{
	int64_t left = l->limit;
	json_t *cursor = NULL;
	int code = CTL_DONE;

	while (left > 0) {
		json_t *params = list_page_params(l, filter, left, json_string_value(cursor)), *page = NULL;

		if (params != NULL)
			page = ctl_call(ctl, "job.list", params, &code);
		else
			code = CTL_JOB;
		json_decref(cursor);
		cursor = page != NULL ? list_page(table, page, &left) : NULL;
		json_decref(page);
		if (cursor == NULL || !ctl_flush())
			break;
	}
	if (cursor != NULL && left <= 0)
		ctl_note(ctl, "there are more: see --limit and --all");
	json_decref(cursor);
	return code;
}

static int list_run(struct ctl *ctl, const struct cmd *cmd, struct list *l, json_t *filter)
{
	struct table *table;
	int code;

	if (l->limit == 0)
		return options_misused(cmd, "--limit: it is 1 or more; `jobctl count` only counts");
	if (l->all && l->limit > 0)
		return options_misused(cmd, "--all and --limit: one of the two");
	if (l->limit < 0)
		l->limit = l->all ? INT64_MAX : LIST_USUAL;
	code = l->columns != NULL ? list_choose(cmd, l) : 0;
	if (code != 0)
		return code;
	table = table_new(ctl, list_columns(l));
	if (table == NULL)
		return CTL_JOB;
	code = list_pages(ctl, l, filter, table);
	table_free(&table);
	return code;
}

static int list_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct list l = { .limit = -1 };
	json_t *filter = json_object();
	struct words w;
	int code;

	if (options_read(ctl, cmd, argc, argv, false, &l, filter, &w, &code)) {
		code = options_expect(cmd, &w, 0, 0);
		if (code == 0)
			code = list_run(ctl, cmd, &l, filter);
	}
	free(l.split);
	json_decref(filter);
	return code;
}

/* ---- count ---- */

static int count_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	bool by_state = false;
	json_t *filter = json_object(), *answer = NULL;
	struct words w;
	int code;

	if (options_read(ctl, cmd, argc, argv, false, &by_state, filter, &w, &code)) {
		code = options_expect(cmd, &w, 0, 0);
		if (code == 0)
			answer = ctl_call(ctl, "job.count", json_incref(filter), &code);
	}
	if (answer != NULL && ctl->json)
		ctl_print_json(answer);
	else if (answer != NULL && by_state)
		table_members(ctl, json_object_get(answer, "by_state"), NULL, NULL);
	else if (answer != NULL)
		printf("%lld\n", (long long)json_integer_value(json_object_get(answer, "total")));
	json_decref(answer);
	json_decref(filter);
	return code;
}

static const struct opt count_options[] = {
	{ 0, "by-state", NULL, "a line for each state instead of the sum", opt_flag, 0, NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

const struct cmd cmd_list = {
	"list", "", "list jobs",
	"Newest first, 100 of them unless told otherwise. Several values of one filter mean any of them, several\n"
	"filters mean all of them.\n",
	"jobctl list --state failed,expired\n"
	"jobctl list --queue mail --tag customer=7 --all --json\n"
	"jobctl list -s ready -o id,priority,run_at\n",
	{ list_options, filter_options }, list_main
};

const struct cmd cmd_count = {
	"count", "", "count jobs",
	NULL,
	"jobctl count --state ready --queue mail\n"
	"jobctl count --by-state\n",
	{ count_options, filter_options }, count_main
};
