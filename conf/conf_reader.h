/*
 * conf_reader: a file and -o settings into libconfuse's tree, with every
 * complaint on the way.
 *
 * libconfuse knows the grammar and refuses what the schema does not name; what
 * a value may be is checked in its callback, by conf_key_check, so that file and
 * -o obey the same rules and a bad value does not hide the next one.
 * libconfuse stops at an unknown key, though: the reader then notes the name,
 * adds it to the schema as one to be complained of, and reads again. Only an
 * error of the grammar itself ends the reading there.
 */
#ifndef JOBD_CONF_READER_H
#define JOBD_CONF_READER_H

#include <confuse.h>
#include <stdbool.h>
#include <stddef.h>

#include "base/buf.h"

enum { CONF_UNKNOWN_MAX = 16 };		/* unknown keys told of one file */

struct conf_reader {
	cfg_t *cfg;			/* the tree: every value in it is good if nothing was complained of */
	struct buf why;			/* complaints, a line each */
	const char *file;		/* being read, or NULL */
	const char *setting;		/* -o being read, or NULL */
	char *text;			/* of the file */
	size_t text_len;
	struct {
		const char *section;
		char *key;
	} unknown[CONF_UNKNOWN_MAX];
	size_t unknown_len;
	bool stopped;			/* libconfuse said why it stopped */
	bool no_memory;			/* nothing else is to be believed */
	bool torn;			/* nor is the tree whole: libconfuse cannot free such a one */
};

/* `file` may be NULL. Complaints are in r->why, or r->no_memory is true (see buf_failed too). */
void conf_reader_open(struct conf_reader *r, const char *file);
/* One SECTION.KEY=VALUE or SECTION.TITLE.KEY=VALUE. */
void conf_reader_set(struct conf_reader *r, const char *setting);
/* When all is read: is the tree whole? libconfuse does not always say when memory lacks. If not, r->no_memory is true. */
void conf_reader_check(struct conf_reader *r);
void conf_reader_close(struct conf_reader *r);

/* A complaint of the whole: what the words are about is `subject`. */
void conf_reader_complain(struct conf_reader *r, const char *subject, const char *fmt, ...)
	__attribute__((format(printf, 3, 4)));

#endif
