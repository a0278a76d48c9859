#include "client/job_options.h"

#include <string.h>

#include "client/ctl.h"
#include "proto/jtext.h"

static const char *const job_backoffs[] = { "exponential", "linear", "constant", NULL };
static const char *const job_interrupted[] = { "retry", "fail", NULL };
static const char *const job_scopes[] = { "active", "all", NULL };
static const char *const job_conflicts[] = { "existing", "reject", "replace", NULL };

static const char *const job_after_failure[] = { "cancel", "run", NULL };

#define MEMBER(letter, name, value, help, take, member, words) { letter, name, value, help, take, 0, member, words }
#define END { 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }

const struct opt job_options[] = {
	MEMBER('Q', "queue", "NAME", "the queue (default)", opt_json_text, "queue", NULL),
	MEMBER('p', "priority", "N", "-1000 to 1000; higher runs first in its queue (0)", opt_json_int, "priority", NULL),
	MEMBER('d', "delay", "SPAN", "start no sooner than that from now", opt_json_span, "delay", NULL),
	MEMBER(0, "at", "TIME", "start no sooner than at that time", opt_json_time, "run_at", NULL),
	MEMBER(0, "expires-at", "TIME", "not started by then, it becomes expired", opt_json_time, "expires_at", NULL),
	MEMBER(0, "ttl", "SPAN", "the same, from now", opt_json_span, "ttl", NULL),
	MEMBER(0, "timeout", "SPAN", "how long one attempt may run (1h; 0: no limit)", opt_json_span, "timeout", NULL),
	MEMBER('n', "max-attempts", "N", "how often it is tried (submit 3, run 1)", opt_json_int, "retry.max_attempts", NULL),
	MEMBER(0, "backoff", "KIND", "exponential, linear or constant pauses between attempts (exponential)", opt_json_text, "retry.backoff", job_backoffs),
	MEMBER(0, "backoff-base", "SPAN", "the first pause (1s)", opt_json_span, "retry.base", NULL),
	MEMBER(0, "backoff-cap", "SPAN", "the longest pause (1h)", opt_json_span, "retry.cap", NULL),
	MEMBER(0, "jitter", "X", "each pause times a random 1-X to 1+X (0.1)", opt_json_real, "retry.jitter", NULL),
	MEMBER(0, "interrupted", "WHAT", "if the daemon's end cuts it off: retry or fail (submit retry, run fail)", opt_json_text, "interrupted", job_interrupted),
	MEMBER('u', "unique", "KEY", "at most one job with this key", opt_json_text, "unique.key", NULL),
	MEMBER(0, "unique-scope", "SCOPE", "active: among jobs that are not over; all: among all kept (active)", opt_json_text, "unique.scope", job_scopes),
	MEMBER(0, "on-conflict", "WHAT", "existing: answer that job's id; reject; or replace it (existing)", opt_json_text, "unique.on_conflict", job_conflicts),
	MEMBER(0, "after", "ID,...", "start only when those jobs have succeeded; may be repeated", opt_json_ids, "after", NULL),
	MEMBER(0, "after-failure", "WHAT", "if one of them does not succeed: cancel this job, or run it (cancel)", opt_json_text, "after_failure", job_after_failure),
	MEMBER(0, "limit", "KEY=N", "start only while fewer than N jobs with this key run", opt_json_limit, "concurrency", NULL),
	MEMBER('g', "group", "NAME", "whose job it is: in a queue the groups take turns", opt_json_text, "group", NULL),
	MEMBER('t', "tag", "K=V", "to find it again; may be repeated", opt_json_pair, "tags", NULL),
	MEMBER(0, "meta", "JSON", "any JSON, handed back untouched", opt_json_value, "meta", NULL),
	MEMBER(0, "retain", "SPAN", "how long its record is kept once it is over", opt_json_span, "retain", NULL),
	MEMBER(0, "hold", NULL, "submit it as held", opt_json_true, "hold", NULL),
	END
};

const struct opt filter_options[] = {
	MEMBER('Q', "queue", "NAME,...", "only jobs of these queues", opt_json_names, "queue", NULL),
	MEMBER('s', "state", "STATE,...", "only jobs in these states", opt_json_names, "state", NULL),
	MEMBER(0, "reason", "REASON,...", "only jobs that wait for this reason, such as delay, dependency or pool_busy", opt_json_names, "reason", NULL),
	MEMBER(0, "type", "TYPE,...", "only jobs of these types", opt_json_names, "type", NULL),
	MEMBER('t', "tag", "K=V", "only jobs with this tag; may be repeated", opt_json_pair, "tags", NULL),
	END
};

/* ---- arguments ---- */

/* One argument's key and value; NULL: said. */
static json_t *job_options_value(const char *word, const char *equals, size_t *key_len)
{
	char why[200];
	json_t *value;

	*key_len = (size_t)(equals - word);
	if (*key_len > 0 && equals[-1] == ':') {
		(*key_len)--;
		value = jtext_parse(equals + 1, strlen(equals + 1), why, sizeof(why));
		if (value == NULL)
			ctl_error("the value of %.*s is not JSON: %s", (int)*key_len, word, why);
		return value;
	}
	value = json_string(equals + 1);
	if (value == NULL)
		ctl_error("the value of %.*s is not UTF-8", (int)*key_len, word);
	return value;
}

static int job_options_arg(const char *word, json_t *args)
{
	const char *equals = strchr(word, '=');
	json_t *value;
	size_t len;

	if (equals == NULL || equals == word || (equals == word + 1 && word[0] == ':')) {
		ctl_error("an argument is KEY=VALUE or KEY:=JSON, not \"%s\"", word);
		return -1;
	}
	value = job_options_value(word, equals, &len);
	if (value == NULL)
		return -1;
	if (json_object_getn(args, word, len) != NULL) {
		ctl_error("the argument %.*s is given twice", (int)len, word);
		json_decref(value);
		return -1;
	}
	if (json_object_setn_new(args, word, len, value) == 0)
		return 0;
	ctl_error("the key %.*s is not UTF-8", (int)len, word);
	return -1;
}

/* Gathered on their own first: one may say otherwise than --args, but none otherwise than another. */
int job_options_args(const struct words *w, int first, json_t *args)
{
	json_t *given = json_object();
	int rc = 0;

	for (int i = first; i < w->n && rc == 0; i++)
		rc = job_options_arg(w->v[i], given);
	if (rc == 0 && json_object_update(args, given) < 0) {
		ctl_error("out of memory");
		rc = -1;
	}
	json_decref(given);
	return rc;
}

int job_options_argv(char **words, int n, json_t *args)
{
	json_t *argv;

	if (json_object_get(args, "argv") != NULL || json_object_get(args, "command") != NULL) {
		ctl_error("the command is given twice: as an argument, and after --");
		return -1;
	}
	argv = json_array();
	for (int i = 0; i < n; i++) {
		if (json_array_append_new(argv, json_string(words[i])) < 0) {
			ctl_error("the command's word \"%s\" is not UTF-8", words[i]);
			json_decref(argv);
			return -1;
		}
	}
	return json_object_set_new(args, "argv", argv);
}

int job_options_put(const struct cmd *cmd, const struct words *w, int first, json_t *args, json_t *job)
{
	int rc;

	if (w->dashes && strcmp(w->v[first], "exec") != 0)
		return options_misused(cmd, "only exec takes a command after --");
	if (args != NULL && !json_is_object(args))
		return options_misused(cmd, "--args: it must be a JSON object");
	if (json_object_set_new(job, "type", json_string(w->v[first])) < 0)
		return options_misused(cmd, "the type is not UTF-8");
	if (!ctl_put(job, "args", args != NULL ? json_incref(args) : json_object()))
		return CTL_JOB;
	args = json_object_get(job, "args");
	rc = job_options_args(w, first + 1, args);
	if (rc == 0 && w->dashes)
		rc = job_options_argv(w->rest, w->rest_n, args);
	return rc < 0 ? CTL_USAGE : 0;
}
