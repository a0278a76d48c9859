/*
 * placeholder: values in a job's args that stand for others.
 *
 * {"$result": job, "pointer": "/a/0"} stands for that part (RFC 6901; without
 * pointer the whole) of another job's result, {"$literal": x} for x as it is.
 * An object with any other member besides is none, and means itself.
 */
#ifndef JOBD_PLACEHOLDER_H
#define JOBD_PLACEHOLDER_H

#include <jansson.h>
#include <stdbool.h>

bool placeholder_is_result(const json_t *value);
bool placeholder_is_literal(const json_t *value);

/* Is there one of either in the value? */
bool placeholder_in(const json_t *value);

/* Of a result's placeholder: which job (as it stands there), and where; "" for the whole; NULL: it is no string. */
const json_t *placeholder_job(const json_t *placeholder);
const char *placeholder_pointer(const json_t *placeholder);

/* Is it a JSON pointer: "", or parts that begin with "/", with no ~ but in ~0 and ~1? */
bool placeholder_pointer_ok(const char *pointer);

/* What a JSON pointer (that is one) points at; borrowed; NULL: nothing is there. */
json_t *placeholder_point(json_t *document, const char *pointer);

/*
 * The value with what its placeholders stand for: changed in place, or another
 * in its place; a new reference. result says what one of a result stands for: a
 * new reference too, or NULL, and then all is NULL. Literals are not looked into.
 */
json_t *placeholder_fill(json_t *value, json_t *(*result)(void *arg, json_t *placeholder), void *arg);

/* The same with results' placeholders left as they are. */
json_t *placeholder_unwrap(json_t *value);

#endif
