/*
 * params: reads the members of a JSON object one by one, and complains well.
 *
 * A method, a job kind, a nested object: each reads the members that it knows
 * and ends with params_done, which refuses any member nobody asked for. The
 * first thing wrong is kept (see rpc_error_set) with the member's full path as
 * its field, and reads after it return their defaults: a caller checks once.
 *
 *	struct params p;
 *	params_init(&p, object, "", &error);
 *	id = params_id(&p, "id");
 *	limit = params_int(&p, "limit", 100, 1, 1000);
 *	if (params_done(&p))
 *		return -1;
 *
 * Strings and nested values are borrowed from the object. Strings with a NUL
 * in them are refused, save by params_bytes. A null is not "absent": it is
 * refused as any other wrong type. A whole number may be written as a real (1.0).
 */
#ifndef JOBD_PARAMS_H
#define JOBD_PARAMS_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/error.h"

enum { PARAMS_ASKED_MAX = 40 };	/* members that one object may know */

struct params {
	json_t *object;		/* borrowed; NULL stands for {} */
	const char *path;	/* before each member's name in `field`: "" or e.g. "args."; borrowed */
	struct rpc_error *error;
	bool open;		/* set after params_init: placeholders of results may stand for values that come later */
	const char *asked[PARAMS_ASKED_MAX];	/* the names asked for: what is allowed; borrowed */
	size_t asked_len;
};

/* `object` must be NULL or an object: check with json_is_object where it comes from outside. */
void params_init(struct params *p, json_t *object, const char *path, struct rpc_error *error);

/* The same for an object among the members of another; its path is written to path[size]. */
void params_init_inner(struct params *p, json_t *object, struct params *outer, const char *name, char *path, size_t size);

bool params_has(struct params *p, const char *name);

/*
 * Does this member's value, or this value of a member, come later (see `open`)?
 * Reads give the defaults for such a one, and leave it to be checked then.
 */
bool params_later(const struct params *p, const char *name);
bool params_value_later(const struct params *p, const json_t *value);

/* Takes a JSON integer, or a real that is whole and fits. */
bool params_whole(const json_t *value, int64_t *out);

/* Required members. */
const char *params_need_string(struct params *p, const char *name);	/* never NULL: "" on error */
json_t *params_need_object(struct params *p, const char *name);		/* NULL on error */
int64_t params_need_int(struct params *p, const char *name, int64_t min, int64_t max);
int64_t params_id(struct params *p, const char *name);			/* a job id: 1.. */

/* Optional members, with what stands for an absent one. */
const char *params_string(struct params *p, const char *name, const char *absent);
const char *params_bytes(struct params *p, const char *name, size_t *len);	/* a string, NULs allowed; NULL if absent */
bool params_bool(struct params *p, const char *name, bool absent);
int64_t params_int(struct params *p, const char *name, int64_t absent, int64_t min, int64_t max);
double params_real(struct params *p, const char *name, double absent, double min, double max);
/* One of `words` (NULL-ended): its index. */
int params_word(struct params *p, const char *name, int absent, const char *const *words);
json_t *params_any(struct params *p, const char *name);			/* NULL if absent */
json_t *params_array(struct params *p, const char *name, size_t max);	/* NULL if absent */
json_t *params_object(struct params *p, const char *name);		/* NULL if absent */

/*
 * An array of strings without NULs (with `or_one`: or one such string), or of
 * job ids, at most max of them, into out. How many; -1 if absent or wrong.
 */
int params_strings(struct params *p, const char *name, bool or_one, const char **out, size_t max);
int params_ids(struct params *p, const char *name, int64_t *out, size_t max);

/* Seconds on the wire (fractions allowed), milliseconds here; rounded up, so that 0.0001 s is not "none". */
int64_t params_span(struct params *p, const char *name, int64_t absent_ms, int64_t min_ms, int64_t max_ms);
/* RFC 3339 or Unix seconds; 0 if absent. */
int64_t params_time(struct params *p, const char *name);

/*
 * Says what is wrong with `name`, for checks of the caller's own, in words that
 * go on after the member's full name: "must be 1 to 9 bytes long". Returns -1.
 */
int params_refuse(struct params *p, const char *name, const char *fmt, ...) __attribute__((format(printf, 3, 4)));

/* Refuses members that were not asked for, naming one and what is allowed. 0, or -1 with *error set by anyone. */
int params_done(struct params *p);

#endif
