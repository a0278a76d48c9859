#include "admit_graph.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/jtext.h"
#include "proto/placeholder.h"

enum { AFTER_MAX = 10000 };

static void no_memory(struct params *p)
{
	rpc_error_set(p->error, RPC_OVERLOADED, NULL, "the daemon is out of memory: try later");
}

/* ---- after ---- */

/* A job as it is named: its id, or by the place of its ref; 0: it is neither. */
static int64_t read_name(const struct refs *refs, const json_t *entry)
{
	const char *name = json_string_value(entry);
	int64_t place, id;

	if (name == NULL)
		return params_whole(entry, &id) && id > 0 ? id : 0;
	place = refs != NULL && strlen(name) == json_string_length(entry) ? refs_find(refs, name) : -1;
	return place >= 0 ? -1 - place : 0;
}

static int64_t read_after(struct params *p, const struct refs *refs, const json_t *entry)
{
	int64_t named = read_name(refs, entry);

	if (named != 0)
		return named;
	if (refs == NULL)
		params_refuse(p, "after", "must hold job ids: positive integers");
	else if (json_is_string(entry))
		params_refuse(p, "after", "must hold job ids and refs of jobs of this call; \"%.64s\" is the ref of none",
			      json_string_value(entry));
	else
		params_refuse(p, "after", "must hold job ids: positive integers, and refs of jobs of this call: strings");
	return 0;
}

void admit_graph_read(struct params *p, const struct refs *refs, struct submission *out)
{
	static const char *const failure_words[] = { "cancel", "run", NULL };
	json_t *entries = params_array(p, "after", AFTER_MAX);
	int64_t *after;

	out->after_run = params_word(p, "after_failure", 0, failure_words) == 1;
	if (refs != NULL)
		params_string(p, "ref", NULL);	/* read before: here it is only known */
	if (json_array_size(entries) == 0)
		return;
	after = calloc(json_array_size(entries), sizeof(after[0]));
	out->after = after;
	if (after == NULL) {
		no_memory(p);
		return;
	}
	for (out->after_n = 0; out->after_n < json_array_size(entries); out->after_n++)
		after[out->after_n] = read_after(p, refs, json_array_get(entries, out->after_n));
}

void admit_graph_free(struct submission *s)
{
	free((void *)s->after);
	free((void *)s->gaps);
	s->after = NULL;
	s->gaps = NULL;
	s->after_n = s->gaps_n = 0;
}

/* ---- args ---- */

/* Args on their way into text. */
struct args_text {
	struct params *p;
	const struct refs *refs;
	struct jwriter w;
	int64_t *after;			/* sorted */
	size_t after_n;
	struct args_gap *gaps;
	size_t gaps_n;
	char path[80];			/* of the value that is written: args.a[0] */
	size_t path_len;
};

static int order(const void *a, const void *b)
{
	const int64_t *x = a, *y = b;

	return (*x > *y) - (*x < *y);
}

/* Goes into a member or an element; where that leaves no room, the path ends before it. How long it was: to come back. */
static size_t path_enter(struct args_text *t, const char *name, size_t index)
{
	size_t was = t->path_len, room = sizeof(t->path) - was;
	int n = name != NULL ? snprintf(t->path + was, room, ".%s", name) : snprintf(t->path + was, room, "[%zu]", index);

	if (n > 0 && (size_t)n < room)
		t->path_len += (size_t)n;
	t->path[t->path_len] = '\0';
	return was;
}

static void path_leave(struct args_text *t, size_t was)
{
	t->path_len = was;
	t->path[was] = '\0';
}

/* Room for one more at powers of two. False: no memory. */
static bool add_gap(struct args_text *t, int64_t job)
{
	if ((t->gaps_n & (t->gaps_n - 1)) == 0) {
		struct args_gap *more = realloc(t->gaps, (t->gaps_n > 0 ? 2 * t->gaps_n : 1) * sizeof(*more));

		if (more == NULL)
			return false;
		t->gaps = more;
	}
	t->gaps[t->gaps_n++] = (struct args_gap){ buf_len(t->w.out), job };
	return true;
}

static void put_result(struct args_text *t, const json_t *value)
{
	int64_t job = read_name(t->refs, placeholder_job(value));
	const char *pointer = placeholder_pointer(value);

	if (job == 0 || t->after == NULL || bsearch(&job, t->after, t->after_n, sizeof(job), order) == NULL)
		params_refuse(t->p, t->path, "has a $result that does not name a job of \"after\"%s",
			      t->refs != NULL ? ", by its id or ref as there" : " by its id");
	if (pointer == NULL || !placeholder_pointer_ok(pointer))
		params_refuse(t->p, t->path, "has a \"pointer\" that is no JSON pointer: \"\", or parts that begin with \"/\"");
	jw_object(&t->w);
	jw_key(&t->w, "$result");
	if (job > 0)
		jw_int(&t->w, job);
	else if (add_gap(t, job))
		jw_raw(&t->w, "", 0);
	else
		no_memory(t->p);
	if (pointer != NULL && pointer[0] != '\0')
		jw_put_string(&t->w, "pointer", pointer);
	jw_object_end(&t->w);
}

static void put_value(struct args_text *t, json_t *value);

static void put_members(struct args_text *t, json_t *value)
{
	const char *name;
	json_t *member;

	jw_object(&t->w);
	json_object_foreach(value, name, member) {
		size_t was = path_enter(t, name, 0);

		jw_string(&t->w, name);
		buf_putc(t->w.out, ':');
		t->w.comma = false;
		put_value(t, member);
		path_leave(t, was);
	}
	jw_object_end(&t->w);
}

static void put_value(struct args_text *t, json_t *value)
{
	if (placeholder_is_result(value)) {
		put_result(t, value);
	} else if (json_is_object(value) && !placeholder_is_literal(value)) {
		put_members(t, value);
	} else if (json_is_array(value)) {
		jw_array(&t->w);
		for (size_t i = 0; i < json_array_size(value); i++) {
			size_t was = path_enter(t, NULL, i);

			put_value(t, json_array_get(value, i));
			path_leave(t, was);
		}
		jw_array_end(&t->w);
	} else {
		jw_value(&t->w, value);
	}
}

/* Is there a result's placeholder, outside of literals? */
static bool holds_results(json_t *value)
{
	const char *name;
	json_t *member;

	if (placeholder_is_result(value))
		return true;
	if (placeholder_is_literal(value))
		return false;
	json_object_foreach(value, name, member)
		if (holds_results(member))
			return true;
	for (size_t i = 0; i < json_array_size(value); i++)
		if (holds_results(json_array_get(value, i)))
			return true;
	return false;
}

/* With the numbers of jobs that are not known yet left out. */
static void put_args(struct params *p, json_t *args, const struct refs *refs, struct submission *out, struct buf *text)
{
	struct args_text t = { .p = p, .refs = refs, .after_n = out->after_n, .path = "args", .path_len = 4 };

	jw_init(&t.w, text);
	if (out->after_n > 0) {
		t.after = malloc(out->after_n * sizeof(t.after[0]));
		if (t.after == NULL) {
			no_memory(p);
			return;
		}
		memcpy(t.after, out->after, out->after_n * sizeof(t.after[0]));
		qsort(t.after, t.after_n, sizeof(t.after[0]), order);
	}
	put_value(&t, args);
	free(t.after);
	out->gaps = t.gaps;
	out->gaps_n = t.gaps_n;
	out->fill = true;
}

json_t *admit_graph_args(struct params *p, json_t *args, const struct refs *refs, struct submission *out, struct buf *text)
{
	json_t *meant;

	if (!placeholder_in(args))
		return json_incref(args);
	if (holds_results(args))
		put_args(p, args, refs, out, text);
	meant = placeholder_unwrap(args);
	if (meant == NULL)
		no_memory(p);
	if (meant == NULL || json_is_object(meant))
		return meant;
	params_refuse(p, "args", "must be an object, as a $literal too");
	json_decref(meant);
	return NULL;
}
