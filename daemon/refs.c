#include "refs.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

enum { SHOWN = 6, NAME_SHOWN = 24 };	/* jobs of a circle that a message names, and bytes of each name */

struct ref {
	const char *name;
	UT_hash_handle hh;
};

static int refs_no_memory(struct rpc_error *error)
{
	return rpc_error_set(error, RPC_OVERLOADED, NULL, "the daemon is out of memory: try later");
}

int64_t refs_find(const struct refs *refs, const char *name)
{
	struct ref *ref;

	HASH_FIND_STR(refs->by_name, name, ref);
	return ref != NULL ? ref - refs->v : -1;
}

static int refs_add(struct refs *refs, size_t i, const char *name, struct rpc_error *error)
{
	struct ref *ref = &refs->v[i];
	char field[32];
	int64_t other;

	snprintf(field, sizeof(field), "jobs[%zu].ref", i);
	if (name[0] == '\0' || strlen(name) > REF_MAX)
		return rpc_error_set(error, RPC_INVALID_PARAMS, field, "\"%s\" must be 1 to %d bytes long", field, REF_MAX);
	other = refs_find(refs, name);
	if (other >= 0)
		return rpc_error_set(error, RPC_INVALID_PARAMS, field, "\"%s\" must be this job's alone: jobs[%lld] has it, too",
				     field, (long long)other);
	ref->name = name;
	HASH_ADD_KEYPTR(hh, refs->by_name, ref->name, strlen(ref->name), ref);
	return ref->hh.tbl != NULL ? 0 : refs_no_memory(error);
}

int refs_read(struct refs *refs, json_t *jobs, struct rpc_error *error)
{
	memset(refs, 0, sizeof(*refs));
	refs->n = json_array_size(jobs);
	refs->v = calloc(refs->n + 1, sizeof(refs->v[0]));
	if (refs->v == NULL)
		return refs_no_memory(error);
	for (size_t i = 0; i < refs->n; i++) {
		/* What is none is refused where the job is read. */
		const json_t *name = json_object_get(json_array_get(jobs, i), "ref");

		if (json_is_string(name) && strlen(json_string_value(name)) == json_string_length(name) &&
		    refs_add(refs, i, json_string_value(name), error) != 0)
			return -1;
	}
	return 0;
}

void refs_free(struct refs *refs)
{
	HASH_CLEAR(hh, refs->by_name);
	free(refs->v);
	memset(refs, 0, sizeof(*refs));
}

/* ---- circles ---- */

/* A walk along what the submissions name: the way from where it began to where it is. */
struct walk {
	const struct submission *v;
	size_t *way, *next;		/* next: of each submission, which of its `after` comes next */
	size_t len;
	unsigned char *seen;
};

enum { UNSEEN, ON_THE_WAY, DONE };

/* The next submission that the last of the way names; -1: it names no other. */
static int64_t walk_next(struct walk *w)
{
	size_t at = w->way[w->len - 1];
	const struct submission *s = &w->v[at];

	while (w->next[at] < s->after_n) {
		int64_t after = s->after[w->next[at]++];

		if (after < 0)
			return -1 - after;
	}
	return -1;
}

/* From one submission: the place on the way where a circle closes, or -1. */
static int64_t walk_from(struct walk *w, size_t start)
{
	w->way[0] = start;
	w->len = 1;
	w->seen[start] = ON_THE_WAY;
	while (w->len > 0) {
		int64_t to = walk_next(w);

		if (to < 0) {
			w->seen[w->way[--w->len]] = DONE;
		} else if (w->seen[to] == UNSEEN) {
			w->seen[to] = ON_THE_WAY;
			w->way[w->len++] = (size_t)to;
		} else if (w->seen[to] == ON_THE_WAY) {
			size_t place = w->len - 1;

			while (w->way[place] != (size_t)to)
				place--;
			return (int64_t)place;
		}
	}
	return -1;
}

/* "a -> b -> a" */
static int walk_refuse(const struct walk *w, size_t from, const struct refs *refs, struct rpc_error *error)
{
	char shown[SHOWN * (NAME_SHOWN + 8) + 16] = "", field[32];
	size_t len = 0;

	for (size_t i = from; i <= w->len; i++) {
		const char *name = refs->v[w->way[i < w->len ? i : from]].name;

		if (i - from == SHOWN - 2 && i + 2 < w->len) {
			len += (size_t)snprintf(shown + len, sizeof(shown) - len, "... -> ");
			i = w->len - 2;
			continue;
		}
		len += (size_t)snprintf(shown + len, sizeof(shown) - len, "%.*s%s", NAME_SHOWN, name, i < w->len ? " -> " : "");
	}
	snprintf(field, sizeof(field), "jobs[%zu].after", w->way[from]);
	return rpc_error_set(error, RPC_INVALID_PARAMS, field, "\"%s\" leads in a circle, in which each waits for the next: %s",
			     field, shown);
}

static int walk_all(struct walk *w, const struct refs *refs, size_t n, struct rpc_error *error)
{
	for (size_t i = 0; i < n; i++) {
		int64_t place = w->seen[i] == UNSEEN && w->v[i].after_n > 0 ? walk_from(w, i) : -1;

		if (place >= 0)
			return walk_refuse(w, (size_t)place, refs, error);
	}
	return 0;
}

int refs_refuse_circle(const struct refs *refs, const struct submission *v, size_t n, struct rpc_error *error)
{
	struct walk w = { .v = v };
	int rc;

	if (refs->by_name == NULL)
		return 0;
	w.way = calloc(n + 1, sizeof(w.way[0]));
	w.next = calloc(n + 1, sizeof(w.next[0]));
	w.seen = calloc(n + 1, 1);
	rc = w.way != NULL && w.next != NULL && w.seen != NULL ? walk_all(&w, refs, n, error) : refs_no_memory(error);
	free(w.way);
	free(w.next);
	free(w.seen);
	return rc;
}
