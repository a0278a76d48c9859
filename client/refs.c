#include "client/refs.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/map.h"

struct ref {
	int64_t id;		/* 0: not accepted yet */
	UT_hash_handle hh;
	char name[];
};

void refs_init(struct refs *r)
{
	r->by_name = NULL;
}

void refs_free(struct refs *r)
{
	struct ref *ref, *next;

	HASH_ITER(hh, r->by_name, ref, next) {
		HASH_DEL(r->by_name, ref);
		free(ref);
	}
}

static struct ref *refs_find(const struct refs *r, const char *name)
{
	struct ref *ref;

	HASH_FIND(hh, r->by_name, name, strlen(name), ref);
	return ref;
}

int refs_add(struct refs *r, const char *name)
{
	size_t len = strlen(name);
	struct ref *ref;

	if (refs_find(r, name) != NULL)
		return -EEXIST;
	ref = calloc(1, sizeof(*ref) + len + 1);
	if (ref == NULL)
		return -ENOMEM;
	memcpy(ref->name, name, len);
	HASH_ADD_KEYPTR(hh, r->by_name, ref->name, len, ref);
	if (ref->hh.tbl != NULL)
		return 0;
	free(ref);
	return -ENOMEM;
}

void refs_learn(struct refs *r, const char *name, int64_t id)
{
	struct ref *ref = refs_find(r, name);

	if (ref != NULL)
		ref->id = id;
}

const char *refs_unknown(const struct refs *r, const json_t *job)
{
	const json_t *value;
	size_t i;

	json_array_foreach(json_object_get(job, "after"), i, value)
		if (json_is_string(value) && refs_find(r, json_string_value(value)) == NULL)
			return json_string_value(value);
	return NULL;
}

/* The id of the job that the value names, to stand in its place; NULL: it names none that has one. */
static json_t *refs_id(const struct refs *r, const json_t *value)
{
	const struct ref *ref = json_is_string(value) ? refs_find(r, json_string_value(value)) : NULL;

	return ref != NULL && ref->id > 0 ? json_integer(ref->id) : NULL;
}

/* Has it the members {"$result", "pointer"?} and no other? */
static bool refs_is_result(const json_t *value)
{
	return json_object_get(value, "$result") != NULL && json_object_size(value) == (json_object_get(value, "pointer") != NULL ? 2 : 1);
}

static void refs_resolve_args(const struct refs *r, json_t *value)
{
	json_t *id = refs_is_result(value) ? refs_id(r, json_object_get(value, "$result")) : NULL, *part;
	const char *name;
	size_t i;

	if (id != NULL)
		json_object_set_new(value, "$result", id);
	else if (json_object_get(value, "$literal") == NULL || json_object_size(value) != 1)
		json_object_foreach(value, name, part)
			refs_resolve_args(r, part);
	json_array_foreach(value, i, part)
		refs_resolve_args(r, part);
}

void refs_resolve(const struct refs *r, json_t *job)
{
	json_t *after = json_object_get(job, "after"), *value;
	size_t i;

	if (r->by_name == NULL)
		return;
	json_array_foreach(after, i, value) {
		json_t *id = refs_id(r, value);

		if (id != NULL)
			json_array_set_new(after, i, id);
	}
	refs_resolve_args(r, json_object_get(job, "args"));
}
