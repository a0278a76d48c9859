#include "store/sqlite_check.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "base/thread.h"
#include "store/sqlite_db.h"

enum { CHECK_PATIENCE_NS = 100 * 1000 * 1000 };	/* for SQLite's own check */

static const char check_magic[16] = "SQLite format 3";

static uint32_t check_word(const unsigned char *at)
{
	return (uint32_t)at[0] << 24 | (uint32_t)at[1] << 16 | (uint32_t)at[2] << 8 | at[3];
}

static enum store_open_result check_newer(const char *path, unsigned version, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s was written by a newer jobd (its version is %u, this one knows %u)", path, version,
		 (unsigned)SQLITE_VERSION_NOW);
	return STORE_OPEN_REFUSED;
}

static enum store_open_result check_damaged(const char *path, const char *how, char *why, size_t why_size)
{
	snprintf(why, why_size, "%s is damaged: %s", path, how);
	return STORE_OPEN_REFUSED;
}

/* ---- as bytes ---- */

static enum store_open_result check_header(const char *path, char *why, size_t why_size)
{
	unsigned char header[100] = { 0 };
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	ssize_t n;
	int error;

	if (fd < 0) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return STORE_OPEN_FAILED;
	}
	n = pread(fd, header, sizeof(header), 0);
	error = errno;
	close(fd);
	if (n < 0) {
		snprintf(why, why_size, "%s: %s", path, strerror(error));
		return STORE_OPEN_FAILED;
	}
	if (n < (ssize_t)sizeof(header))
		return check_damaged(path, "it is too short", why, why_size);
	if (memcmp(header, check_magic, sizeof(check_magic)) != 0)
		return check_damaged(path, "it is no SQLite database", why, why_size);
	if (check_word(header + 68) != SQLITE_APPLICATION_ID) {
		snprintf(why, why_size, "%s is not a state of jobd: it belongs to another program", path);
		return STORE_OPEN_REFUSED;
	}
	if (check_word(header + 60) > SQLITE_VERSION_NOW)
		return check_newer(path, check_word(header + 60), why, why_size);
	return STORE_OPEN_OK;
}

/* ---- as a database ---- */

/* One line a table or index: what it is called, and how it was made. */
#define CHECK_SCHEMA "SELECT name, sql FROM sqlite_schema ORDER BY name"

static bool check_same_text(sqlite3_stmt *a, sqlite3_stmt *b, int column)
{
	const char *left = (const char *)sqlite3_column_text(a, column), *right = (const char *)sqlite3_column_text(b, column);

	if (left == NULL || right == NULL)
		return left == right;
	return strcmp(left, right) == 0;
}

static bool check_same_rows(sqlite3_stmt *a, sqlite3_stmt *b)
{
	int left, right;

	do {
		left = sqlite3_step(a);
		right = sqlite3_step(b);
		if (left != right)
			return false;
		if (left == SQLITE_ROW && (!check_same_text(a, b, 0) || !check_same_text(a, b, 1)))
			return false;
	} while (left == SQLITE_ROW);
	return left == SQLITE_DONE;
}

/* Want of memory, and a disk that does not give what is on it, say nothing of what is there. */
static bool check_hindered(struct sqlite_db *db)
{
	int rc = db->h != NULL ? sqlite3_errcode(db->h) & 0xff : SQLITE_NOMEM;

	return rc == SQLITE_NOMEM || rc == SQLITE_IOERR || db->failed == -ENOMEM;
}

/* Does the file have the tables that its version has? 0, -EUCLEAN or, where that cannot be told, -EIO. */
static int check_schema(struct sqlite_db *db, int version)
{
	struct sqlite_db model;
	sqlite3_stmt *a = NULL, *b = NULL;
	bool same, hindered;

	if (sqlite_db_open(&model, ":memory:", SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, NULL) != 0)
		return -EIO;
	for (int v = 0; v < version; v++)
		sqlite_db_exec(&model, sqlite_migrations[v]);
	same = sqlite3_prepare_v2(db->h, CHECK_SCHEMA, -1, &a, NULL) == SQLITE_OK &&
	       sqlite3_prepare_v2(model.h, CHECK_SCHEMA, -1, &b, NULL) == SQLITE_OK && check_same_rows(a, b);
	hindered = check_hindered(db) || check_hindered(&model);
	sqlite3_finalize(a);
	sqlite3_finalize(b);
	sqlite_db_close(&model);
	return same ? 0 : hindered ? -EIO : -EUCLEAN;
}

/* Interrupts a connection's work when patience is over. */
struct check_watch {
	sqlite3 *h;
	pthread_t thread;
	pthread_mutex_t mutex;
	pthread_cond_t changed;
	bool ended;
};

static void *check_watch_main(void *arg)
{
	struct check_watch *w = arg;
	struct timespec until;
	int rc = 0;

	clock_gettime(CLOCK_REALTIME, &until);
	until.tv_nsec += CHECK_PATIENCE_NS;
	if (until.tv_nsec >= 1000000000) {
		until.tv_nsec -= 1000000000;
		until.tv_sec++;
	}
	pthread_mutex_lock(&w->mutex);
	while (!w->ended && rc != ETIMEDOUT)
		rc = pthread_cond_timedwait(&w->changed, &w->mutex, &until);
	if (!w->ended)
		sqlite3_interrupt(w->h);
	pthread_mutex_unlock(&w->mutex);
	return NULL;
}

static void check_watch_end(struct check_watch *w)
{
	pthread_mutex_lock(&w->mutex);
	w->ended = true;
	pthread_mutex_unlock(&w->mutex);
	pthread_cond_signal(&w->changed);
	pthread_join(w->thread, NULL);
}

/* SQLite's own check, while patience lasts; how[] says what it found. 0, -EUCLEAN or, where that cannot be told, -EIO. */
static int check_quick(struct sqlite_db *db, char *how, size_t how_size)
{
	struct check_watch watch = { .h = db->h, .mutex = PTHREAD_MUTEX_INITIALIZER, .changed = PTHREAD_COND_INITIALIZER };
	sqlite3_stmt *stmt = NULL;
	const char *said;
	bool hindered;
	int rc;

	if (thread_start(&watch.thread, check_watch_main, &watch) != 0)
		return 0;
	rc = sqlite3_prepare_v2(db->h, "PRAGMA quick_check(1)", -1, &stmt, NULL);
	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	check_watch_end(&watch);
	said = rc == SQLITE_ROW ? (const char *)sqlite3_column_text(stmt, 0) : NULL;
	snprintf(how, how_size, "%s", said != NULL ? said : sqlite3_errmsg(db->h));
	hindered = said == NULL && check_hindered(db);
	sqlite3_finalize(stmt);
	if (rc == SQLITE_INTERRUPT || (said != NULL && strcmp(how, "ok") == 0))
		return 0;
	return hindered ? -EIO : -EUCLEAN;
}

/* The first value of a query; *rc stays at the first failure. */
static int64_t check_value(struct sqlite_db *db, const char *text, int *rc)
{
	sqlite3_stmt *stmt = NULL;
	int64_t value = -1;

	if (*rc != SQLITE_OK)
		return value;
	*rc = sqlite3_prepare_v2(db->h, text, -1, &stmt, NULL);
	if (*rc == SQLITE_OK)
		*rc = sqlite3_step(stmt);
	if (*rc == SQLITE_ROW) {
		value = sqlite3_column_int64(stmt, 0);
		*rc = SQLITE_OK;
	}
	sqlite3_finalize(stmt);
	return value;
}

enum store_open_result sqlite_check_failed(struct sqlite_db *db, int rc, const char *path, char *why, size_t why_size)
{
	switch (rc & 0xff) {
	case SQLITE_CORRUPT:
	case SQLITE_NOTADB:
	case SQLITE_ERROR:
		return check_damaged(path, sqlite3_errmsg(db->h), why, why_size);
	default:
		snprintf(why, why_size, "%s: %s", path, sqlite3_errmsg(db->h));
		return STORE_OPEN_FAILED;
	}
}

static enum store_open_result check_opened(struct sqlite_db *db, const char *path, char *why, size_t why_size)
{
	char how[160];
	int rc = SQLITE_OK;
	int64_t version = check_value(db, "PRAGMA user_version", &rc);

	if (rc == SQLITE_OK && version > SQLITE_VERSION_NOW)
		return check_newer(path, (unsigned)version, why, why_size);
	check_value(db, "SELECT count(*) FROM counter", &rc);
	check_value(db, "SELECT count(*) FROM lane", &rc);
	check_value(db, "SELECT max(id) FROM job", &rc);
	if (rc != SQLITE_OK)
		return sqlite_check_failed(db, rc, path, why, why_size);
	rc = version < 1 ? -EUCLEAN : check_schema(db, (int)version);
	snprintf(how, sizeof(how), "%s", rc == -EUCLEAN ? "its tables are not those of its version" : sqlite3_errmsg(db->h));
	/* It tells want of memory as damage, too: that is not there at a second look. */
	if (rc == 0 && check_quick(db, how, sizeof(how)) != 0)
		rc = check_quick(db, how, sizeof(how));
	if (rc == -EUCLEAN)
		return check_damaged(path, how, why, why_size);
	if (rc != 0)
		snprintf(why, why_size, "%s could not be looked at: %s", path, how);
	return rc == 0 ? STORE_OPEN_OK : STORE_OPEN_FAILED;
}

int sqlite_check_open(struct sqlite_db *db, const char *path)
{
	int keep = 1;

	if (sqlite_db_open(db, path, SQLITE_OPEN_READONLY, NULL) != 0)
		return db->failed;
	sqlite3_db_config(db->h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_file_control(db->h, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	return 0;
}

enum store_open_result sqlite_check(const char *path, char *why, size_t why_size)
{
	enum store_open_result rc = check_header(path, why, why_size);
	struct sqlite_db db;

	if (rc != STORE_OPEN_OK)
		return rc;
	if (sqlite_check_open(&db, path) != 0) {
		snprintf(why, why_size, "%s: %s", path, db.why);
		return STORE_OPEN_FAILED;
	}
	rc = check_opened(&db, path, why, why_size);
	sqlite_db_close(&db);
	return rc;
}
