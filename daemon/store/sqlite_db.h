/*
 * sqlite_db: one connection, of one thread, with its prepared statements.
 *
 * The first error of SQLite sticks (`failed`) and turns what follows into
 * no-ops, so that a verb runs straight on and the transaction's owner looks
 * once, before the commit.
 */
#ifndef JOBD_SQLITE_DB_H
#define JOBD_SQLITE_DB_H

#include <sqlite3.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "store/sqlite_sql.h"

struct sqlite_db {
	sqlite3 *h;			/* NULL: closed */
	sqlite3_stmt *stmts[SQLS];	/* prepared when first used */
	int failed;			/* 0; -ENOSPC, -EIO, -ENOMEM; -EUCLEAN: the file contradicts itself */
	char why[200];			/* of it, in SQLite's words */
};

/*
 * The name of the VFS that all connections of this process are to use: while
 * one is open the file is this process's alone, so that the locks among them
 * take no system calls, and nobody else can hold up the log. Where SQLite's
 * default was replaced: that.
 */
const char *sqlite_db_vfs(void);

/* 0 or -errno (db->why says it). flags and vfs as sqlite3_open_v2's; NULL: sqlite_db_vfs. */
int sqlite_db_open(struct sqlite_db *db, const char *path, int flags, const char *vfs);
void sqlite_db_close(struct sqlite_db *db);

/* SQL text, once. 0 or -errno, which sticks. */
int sqlite_db_exec(struct sqlite_db *db, const char *text);

/* Keeps an error that is none of SQLite's (-ENOMEM, ...). Returns it. */
int sqlite_db_fail(struct sqlite_db *db, int rc, const char *why);
void sqlite_db_clear(struct sqlite_db *db);

/* ---- one statement, from its binding to its last row ---- */

struct sqlite_query {
	struct sqlite_db *db;
	sqlite3_stmt *stmt;		/* NULL after a failure */
	int bound;
};

/* Ready to be bound from the first parameter on. */
struct sqlite_query sqlite_query(struct sqlite_db *db, enum sqlite_sql sql);
void sqlite_bind_int(struct sqlite_query *q, int64_t value);
void sqlite_bind_real(struct sqlite_query *q, double value);
/* Borrowed until the query has ended; NULL binds NULL. */
void sqlite_bind_text(struct sqlite_query *q, const char *text);
void sqlite_bind_textn(struct sqlite_query *q, const char *text, size_t len);
void sqlite_bind_blob(struct sqlite_query *q, const void *data, size_t len);

/* The next row; false at the end or after a failure, and the query has ended. */
bool sqlite_next(struct sqlite_query *q);
/* Ends it before its last row. */
void sqlite_end(struct sqlite_query *q);
/* Runs what gives no rows. 0 or -errno. */
int sqlite_run(struct sqlite_query *q);

int64_t sqlite_int(struct sqlite_query *q, int column);
double sqlite_real(struct sqlite_query *q, int column);
/* Until the next row; NULL for NULL. */
const char *sqlite_text(struct sqlite_query *q, int column);
/* A copy; NULL for NULL, and after a failed allocation, which sticks. */
char *sqlite_text_copy(struct sqlite_query *q, int column);

/* The first column of the first row of a query; `absent` where there is none. */
int64_t sqlite_value(struct sqlite_query *q, int64_t absent);

#endif
