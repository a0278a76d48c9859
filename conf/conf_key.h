/*
 * conf_key: every key there is, one row each: its type, default and bounds.
 *
 * The reader builds libconfuse's schema from these rows; the file's values and
 * those of -o pass the same check; tests hold the sample file and the man page
 * against them.
 */
#ifndef JOBD_CONF_KEY_H
#define JOBD_CONF_KEY_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum conf_type {
	CONF_INT,	/* an integer */
	CONF_REAL,	/* a number */
	CONF_SPAN,	/* seconds, or 10m, 1h30m, 250ms; kept in milliseconds */
	CONF_SIZE,	/* bytes, or 64 KiB, 1 MiB, 2 GiB */
	CONF_MODE,	/* a file's mode, octal */
	CONF_WORD,	/* one of `words` */
	CONF_TEXT,	/* min..max bytes */
	CONF_TCP,	/* host:port */
	CONF_UNIX	/* the path of a Unix socket, or nothing */
};

/* Where a row's value goes: int64_t for the first five types but CONF_REAL (double), else char *, or struct conf_list. */
struct conf_key {
	const char *section, *key;
	enum conf_type type;
	bool list;
	const char *fallback;		/* as the file would say it; NULL = none, or told by the environment */
	int64_t min, max;		/* of the value as it is kept */
	const char *const *words;	/* CONF_WORD: NULL-ended */
	size_t offset;			/* in struct conf; in a titled section, in its struct */
};

/* A section; titled ones may come many times and fill an array. */
struct conf_section {
	const char *name;
	size_t size;			/* titled: of one struct, which begins with `char *name`; else 0 */
	size_t array, count;		/* titled: offsets of the array and its length in struct conf */
};

extern const struct conf_key conf_keys[];		/* ended by a row without a key; by section */
extern const struct conf_section conf_sections[];	/* ended by a row without a name */

const struct conf_section *conf_section_find(const char *name);		/* NULL: none */
const struct conf_key *conf_key_find(const char *section, const char *key);

union conf_value {
	int64_t n;
	double real;
};

/* Checks one value; *out is set for types that are numbers. 0, or -1 with what is allowed in why[why_size]. */
int conf_key_check(const struct conf_key *k, const char *text, union conf_value *out, char *why, size_t why_size);

/* May that be the title of a queue, worker or module? */
bool conf_title_ok(const char *title);

#endif
