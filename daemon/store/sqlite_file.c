#include "store/sqlite_file.h"

#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_check.h"
#include "store/sqlite_gather.h"

#define FILE_PATH_MAX (PATH_MAX + 16)

/* ---- the lock ---- */

static enum store_open_result file_locked(int fd, const char *directory, char *why, size_t why_size)
{
	char pid[16] = "";
	ssize_t n = pread(fd, pid, sizeof(pid) - 1, 0);

	pid[n > 0 ? strcspn(pid, "\n") : 0] = '\0';
	snprintf(why, why_size, "another jobd (pid %s) uses %s", pid[0] != '\0' ? pid : "unknown", directory);
	return STORE_OPEN_REFUSED;
}

enum store_open_result sqlite_file_lock(const char *directory, int *fd, char *why, size_t why_size)
{
	char path[FILE_PATH_MAX], pid[16];
	enum store_open_result rc = STORE_OPEN_FAILED;
	int n = snprintf(pid, sizeof(pid), "%d\n", (int)getpid());

	snprintf(path, sizeof(path), "%s/lock", directory);
	*fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (*fd < 0) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return rc;
	}
	if (flock(*fd, LOCK_EX | LOCK_NB) != 0) {
		if (errno == EWOULDBLOCK)
			rc = file_locked(*fd, directory, why, why_size);
		else
			snprintf(why, why_size, "%s: %s", path, strerror(errno));
		close(*fd);
		*fd = -1;
		return rc;
	}
	/* The number is for people: on a full disk the lock holds without it. */
	if (ftruncate(*fd, 0) != 0 || pwrite(*fd, pid, (size_t)n, 0) != n)
		return STORE_OPEN_OK;
	return STORE_OPEN_OK;
}

/* ---- versions ---- */

static int file_version(struct sqlite_db *db)
{
	sqlite3_stmt *stmt = NULL;
	int version = -1;

	if (sqlite3_prepare_v2(db->h, "PRAGMA user_version", -1, &stmt, NULL) == SQLITE_OK &&
	    sqlite3_step(stmt) == SQLITE_ROW)
		version = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return version;
}

/* Carries out the migrations that the file lacks, each in a transaction of its own. */
static int file_migrate(struct sqlite_db *db)
{
	char set[64];

	for (int v = file_version(db); v >= 0 && v < SQLITE_VERSION_NOW && db->failed == 0; v++) {
		snprintf(set, sizeof(set), "PRAGMA user_version = %d", v + 1);
		sqlite_db_exec(db, "BEGIN IMMEDIATE");
		sqlite_db_exec(db, sqlite_migrations[v]);
		sqlite_db_exec(db, set);
		sqlite_db_exec(db, "COMMIT");
	}
	return db->failed;
}

/* ---- making it ---- */

int sqlite_file_sync_directory(const char *directory)
{
	int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC), rc = 0;

	if (fd < 0)
		return -errno;
	if (fsync(fd) != 0)
		rc = -errno;
	close(fd);
	return rc;
}

static int file_fill(const char *path, char *why, size_t why_size)
{
	struct sqlite_db db;
	char set[64];
	int rc = sqlite_db_open(&db, path, SQLITE_OPEN_READWRITE, NULL);

	if (rc == 0) {
		snprintf(set, sizeof(set), "PRAGMA application_id = %d", SQLITE_APPLICATION_ID);
		sqlite_db_exec(&db, "PRAGMA page_size = 4096");
		sqlite_db_exec(&db, "PRAGMA synchronous = FULL");
		sqlite_db_exec(&db, set);
		rc = file_migrate(&db);
	}
	if (rc != 0)
		snprintf(why, why_size, "%s: %s", path, db.why);
	sqlite_db_close(&db);
	return rc;
}

/* Under another name until it is whole. */
static enum store_open_result file_make(const char *directory, const char *path, char *why, size_t why_size)
{
	char fresh[FILE_PATH_MAX], journal[FILE_PATH_MAX + 16];
	int fd;

	snprintf(fresh, sizeof(fresh), "%s.new", path);
	snprintf(journal, sizeof(journal), "%s-journal", fresh);
	unlink(fresh);
	unlink(journal);
	fd = open(fresh, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
	if (fd < 0) {
		snprintf(why, why_size, "%s: %s", fresh, strerror(errno));
		return STORE_OPEN_FAILED;
	}
	close(fd);
	if (file_fill(fresh, why, why_size) != 0) {
		unlink(fresh);
		unlink(journal);
		return STORE_OPEN_FAILED;
	}
	if (rename(fresh, path) != 0 || sqlite_file_sync_directory(directory) != 0) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return STORE_OPEN_FAILED;
	}
	return STORE_OPEN_OK;
}

enum store_open_result sqlite_file_prepare(const char *directory, const char *path, char *why, size_t why_size)
{
	char wal[FILE_PATH_MAX];
	struct stat st;

	if (stat(path, &st) == 0)
		return sqlite_check(path, why, why_size);
	if (errno != ENOENT) {
		snprintf(why, why_size, "%s: %s", path, strerror(errno));
		return STORE_OPEN_FAILED;
	}
	snprintf(wal, sizeof(wal), "%s-wal", path);
	if (stat(wal, &st) == 0 && st.st_size > 0) {
		snprintf(why, why_size, "%s is missing, but its log %s is there", path, wal);
		return STORE_OPEN_REFUSED;
	}
	return file_make(directory, path, why, why_size);
}

/* ---- opening it ---- */

int sqlite_file_open(struct sqlite_db *db, const char *path)
{
	int keep = 1;

	if (sqlite_db_open(db, path, SQLITE_OPEN_READWRITE, sqlite_gather_vfs()) != 0)
		return db->failed;
	sqlite3_busy_timeout(db->h, 1000);
	sqlite_db_exec(db, "PRAGMA journal_mode = WAL");
	if ((sqlite3_errcode(db->h) & 0xff) == SQLITE_BUSY) {
		sqlite_db_clear(db);
		return sqlite_db_fail(db, -EBUSY, "another program has it open");
	}
	sqlite3_busy_timeout(db->h, 5000);
	sqlite_db_exec(db, "PRAGMA synchronous = FULL");
	sqlite_db_exec(db, "PRAGMA wal_autocheckpoint = 0");
	sqlite_db_exec(db, "PRAGMA journal_size_limit = -1");
	sqlite_db_exec(db, "PRAGMA cache_size = -32768");
	sqlite_db_exec(db, "PRAGMA temp_store = MEMORY");
	sqlite_db_exec(db, "PRAGMA secure_delete = FAST");	/* Debian's default writes whole pages of zeros */
	if (db->failed == 0)
		sqlite3_file_control(db->h, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	return file_migrate(db);
}

int sqlite_file_open_reader(struct sqlite_db *db, const char *path)
{
	int keep = 1;

	if (sqlite_db_open(db, path, SQLITE_OPEN_READWRITE, NULL) != 0)
		return db->failed;
	sqlite3_busy_timeout(db->h, 5000);
	sqlite_db_exec(db, "PRAGMA query_only = 1");
	sqlite_db_exec(db, "PRAGMA cache_size = -8192");
	sqlite_db_exec(db, "PRAGMA temp_store = MEMORY");
	if (db->failed == 0)
		sqlite3_file_control(db->h, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	return db->failed;
}
