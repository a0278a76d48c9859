/*
 * refs: the names that the jobs of one call give each other.
 *
 * Read from all of them first, so that each may name those behind it. What
 * they name may form no circle.
 */
#ifndef JOBD_REFS_H
#define JOBD_REFS_H

#include <jansson.h>
#include <stddef.h>

#include "proto/error.h"
#include "store/store.h"

enum { REF_MAX = 255 };		/* bytes */

struct refs {
	struct ref *by_name, *v;	/* v: one a job, its name NULL where it has none */
	size_t n;
};

/* Reads the refs of `jobs`, an array; its strings are borrowed. 0, or -1 with the error set. Then refs_free. */
int refs_read(struct refs *refs, json_t *jobs, struct rpc_error *error);
void refs_free(struct refs *refs);

/* The place of the job of that name; -1: there is none. */
int64_t refs_find(const struct refs *refs, const char *name);

/* Refuses submissions that wait for each other in a circle, naming one. 0, or -1 with the error set. */
int refs_refuse_circle(const struct refs *refs, const struct submission *v, size_t n, struct rpc_error *error);

#endif
