/*
 * refs: the names that jobs of a file go by, and the ids they have got.
 *
 * The daemon knows a `ref` within one request only; a file goes in many. What
 * names a job that is accepted already is given its id instead.
 */
#ifndef JOBCTL_REFS_H
#define JOBCTL_REFS_H

#include <jansson.h>
#include <stdint.h>

struct ref;

struct refs {
	struct ref *by_name;
};

void refs_init(struct refs *r);
void refs_free(struct refs *r);

/* The name of a job that has no id yet. 0; -EEXIST; -ENOMEM. */
int refs_add(struct refs *r, const char *name);
/* The job of that name has got its id. */
void refs_learn(struct refs *r, const char *name, int64_t id);

/* A name in the job's `after` that has not been added; NULL: there is none. */
const char *refs_unknown(const struct refs *r, const json_t *job);

/* Puts ids in the place of the names that have got one: in `after`, and in every {"$result"} of args. */
void refs_resolve(const struct refs *r, json_t *job);

#endif
