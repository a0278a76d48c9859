#include "store/sqlite_db.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

static const char *const sqlite_texts[SQLS] = {
#define SQLITE_STATEMENT_TEXT(name, text) [name] = text,
	SQLITE_STATEMENTS(SQLITE_STATEMENT_TEXT)
};

int sqlite_db_fail(struct sqlite_db *db, int rc, const char *why)
{
	if (db->failed == 0) {
		db->failed = rc;
		snprintf(db->why, sizeof(db->why), "%s", why);
	}
	return db->failed;
}

void sqlite_db_clear(struct sqlite_db *db)
{
	db->failed = 0;
	db->why[0] = '\0';
}

/* SQLite's code for what failed, in ours. */
static int sqlite_db_errno(struct sqlite_db *db, int rc)
{
	int system = db->h != NULL ? sqlite3_system_errno(db->h) : 0;

	switch (rc & 0xff) {
	case SQLITE_FULL:
		return -ENOSPC;
	case SQLITE_NOMEM:
		return -ENOMEM;
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
		return -EUCLEAN;
	case SQLITE_IOERR:
	case SQLITE_CANTOPEN:
		if (rc == SQLITE_IOERR_NOMEM)
			return -ENOMEM;
		return system == ENOSPC || system == EDQUOT ? -ENOSPC : -EIO;
	default:
		return -EIO;
	}
}

static int sqlite_db_broke(struct sqlite_db *db, int rc)
{
	return sqlite_db_fail(db, sqlite_db_errno(db, rc), db->h != NULL ? sqlite3_errmsg(db->h) : sqlite3_errstr(rc));
}

const char *sqlite_db_vfs(void)
{
	const sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);

	return vfs == NULL || strcmp(vfs->zName, "unix") == 0 ? "unix-excl" : vfs->zName;
}

int sqlite_db_open(struct sqlite_db *db, const char *path, int flags, const char *vfs)
{
	int rc;

	memset(db, 0, sizeof(*db));
	flags |= SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_PRIVATECACHE;
	rc = sqlite3_open_v2(path, &db->h, flags, vfs != NULL ? vfs : sqlite_db_vfs());
	if (rc != SQLITE_OK) {
		sqlite_db_broke(db, rc);
		sqlite3_close(db->h);
		db->h = NULL;
		return db->failed;
	}
	sqlite3_extended_result_codes(db->h, 1);
	return 0;
}

void sqlite_db_close(struct sqlite_db *db)
{
	if (db->h == NULL)
		return;
	for (int i = 0; i < SQLS; i++) {
		sqlite3_finalize(db->stmts[i]);
		db->stmts[i] = NULL;
	}
	sqlite3_close(db->h);
	db->h = NULL;
}

int sqlite_db_exec(struct sqlite_db *db, const char *text)
{
	int rc;

	if (db->failed != 0)
		return db->failed;
	rc = sqlite3_exec(db->h, text, NULL, NULL, NULL);
	return rc == SQLITE_OK ? 0 : sqlite_db_broke(db, rc);
}

struct sqlite_query sqlite_query(struct sqlite_db *db, enum sqlite_sql sql)
{
	struct sqlite_query q = { db, NULL, 0 };
	int rc;

	if (db->failed != 0)
		return q;
	if (db->stmts[sql] == NULL) {
		rc = sqlite3_prepare_v3(db->h, sqlite_texts[sql], -1, SQLITE_PREPARE_PERSISTENT, &db->stmts[sql], NULL);
		if (rc != SQLITE_OK) {
			sqlite_db_broke(db, rc);
			return q;
		}
	}
	q.stmt = db->stmts[sql];
	return q;
}

/* Only misuse or want of memory makes a binding fail. */
static void sqlite_bound(struct sqlite_query *q, int rc)
{
	if (rc == SQLITE_OK)
		return;
	sqlite_db_broke(q->db, rc);
	sqlite_end(q);
}

void sqlite_bind_int(struct sqlite_query *q, int64_t value)
{
	if (q->stmt != NULL)
		sqlite_bound(q, sqlite3_bind_int64(q->stmt, ++q->bound, value));
}

void sqlite_bind_real(struct sqlite_query *q, double value)
{
	if (q->stmt != NULL)
		sqlite_bound(q, sqlite3_bind_double(q->stmt, ++q->bound, value));
}

void sqlite_bind_textn(struct sqlite_query *q, const char *text, size_t len)
{
	if (q->stmt != NULL)
		sqlite_bound(q, sqlite3_bind_text64(q->stmt, ++q->bound, text, len, SQLITE_STATIC, SQLITE_UTF8));
}

void sqlite_bind_text(struct sqlite_query *q, const char *text)
{
	sqlite_bind_textn(q, text, text != NULL ? strlen(text) : 0);
}

void sqlite_bind_blob(struct sqlite_query *q, const void *data, size_t len)
{
	if (q->stmt != NULL)
		sqlite_bound(q, sqlite3_bind_blob64(q->stmt, ++q->bound, data, len, SQLITE_STATIC));
}

void sqlite_end(struct sqlite_query *q)
{
	if (q->stmt != NULL)
		sqlite3_reset(q->stmt);
	q->stmt = NULL;
}

bool sqlite_next(struct sqlite_query *q)
{
	int rc;

	if (q->stmt == NULL)
		return false;
	rc = sqlite3_step(q->stmt);
	if (rc == SQLITE_ROW)
		return true;
	if (rc != SQLITE_DONE)
		sqlite_db_broke(q->db, rc);
	sqlite_end(q);
	return false;
}

int sqlite_run(struct sqlite_query *q)
{
	while (sqlite_next(q))
		;
	return q->db->failed;
}

int64_t sqlite_int(struct sqlite_query *q, int column)
{
	return sqlite3_column_int64(q->stmt, column);
}

double sqlite_real(struct sqlite_query *q, int column)
{
	return sqlite3_column_double(q->stmt, column);
}

const char *sqlite_text(struct sqlite_query *q, int column)
{
	const char *text = (const char *)sqlite3_column_text(q->stmt, column);

	if (text == NULL && sqlite3_column_type(q->stmt, column) != SQLITE_NULL)
		sqlite_db_fail(q->db, -ENOMEM, "out of memory");
	return text;
}

char *sqlite_text_copy(struct sqlite_query *q, int column)
{
	const char *text = sqlite_text(q, column);
	char *copy;

	if (text == NULL)
		return NULL;
	copy = strdup(text);
	if (copy == NULL)
		sqlite_db_fail(q->db, -ENOMEM, "out of memory");
	return copy;
}

int64_t sqlite_value(struct sqlite_query *q, int64_t absent)
{
	int64_t value = absent;

	if (sqlite_next(q)) {
		if (sqlite3_column_type(q->stmt, 0) != SQLITE_NULL)
			value = sqlite_int(q, 0);
		sqlite_end(q);
	}
	return value;
}
