/* A copy of the whole database as one snapshot shows it, page by page, while others write. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/statvfs.h>
#include <unistd.h>

#include "store/sqlite_file.h"
#include "store/sqlite_reader.h"

enum {
	BACKUP_STEP = 256,		/* pages at once; then it may be told to end */
	BACKUP_SPARE = 64 << 20		/* of the disk, is left to others */
};

/* The copy has its name when it is whole: until then it is a file beside it. */
struct copy {
	struct backup *out;
	char part[BACKUP_PATH_MAX + 8];
	int fd;
};

static int copy_fail(struct copy *c, int rc, const char *what)
{
	snprintf(c->out->why, sizeof(c->out->why), "%s", what);
	return rc;
}

static int copy_failed(struct copy *c)
{
	return copy_fail(c, -errno, strerror(errno));
}

/* Is there room, and some more, so that the daemon need not stop taking jobs for a copy of them? */
static int copy_room(struct copy *c, int64_t bytes)
{
	struct statvfs fs;
	int64_t room;

	if (fstatvfs(c->fd, &fs) != 0)
		return copy_failed(c);
	room = (int64_t)fs.f_bavail * (int64_t)fs.f_frsize;
	if (room >= bytes + BACKUP_SPARE)
		return 0;
	snprintf(c->out->why, sizeof(c->out->why), "it takes %lld MiB, and %d shall stay free: there are %lld", (long long)(bytes >> 20),
		 BACKUP_SPARE >> 20, (long long)(room >> 20));
	return -ENOSPC;
}

static int copy_pages(struct sqlite_reader *r, struct copy *c, sqlite3 *to)
{
	sqlite3_backup *pages = sqlite3_backup_init(to, "main", r->db.h, "main");
	int rc = pages != NULL ? SQLITE_OK : sqlite3_errcode(to);

	while (rc == SQLITE_OK && !atomic_load(&r->hurry))
		rc = sqlite3_backup_step(pages, BACKUP_STEP);
	if (pages != NULL)
		sqlite3_backup_finish(pages);
	if (rc == SQLITE_DONE)
		return 0;
	if (rc == SQLITE_OK)
		return -ECANCELED;
	return copy_fail(c, rc == SQLITE_FULL ? -ENOSPC : rc == SQLITE_NOMEM ? -ENOMEM : -EIO, sqlite3_errstr(rc));
}

static int copy_fill(struct sqlite_reader *r, struct copy *c)
{
	struct sqlite_db to;
	int rc = sqlite_db_open(&to, c->part, SQLITE_OPEN_READWRITE, NULL);

	if (rc != 0)
		return copy_fail(c, rc, to.why);
	/* A half copy is thrown away, and a whole one synced below. */
	sqlite_db_exec(&to, "PRAGMA journal_mode = OFF");
	sqlite_db_exec(&to, "PRAGMA synchronous = OFF");
	rc = to.failed == 0 ? copy_pages(r, c, to.h) : copy_fail(c, to.failed, to.why);
	sqlite_db_close(&to);
	return rc;
}

static int copy_finish(struct copy *c)
{
	char directory[BACKUP_PATH_MAX + 1];
	char *slash;

	if (fsync(c->fd) != 0 || link(c->part, c->out->path) != 0)
		return copy_failed(c);
	snprintf(directory, sizeof(directory), "%s", c->out->path);
	slash = strrchr(directory, '/');
	slash[slash == directory] = '\0';
	return sqlite_file_sync_directory(directory) == 0 ? 0 : copy_failed(c);
}

/* Begins the snapshot, and says how much there is. */
static int64_t database_bytes(struct sqlite_db *db)
{
	struct sqlite_query count = sqlite_query(db, SQL_PAGE_COUNT), size = sqlite_query(db, SQL_PAGE_SIZE);

	return sqlite_value(&count, 0) * sqlite_value(&size, 0);
}

static int copy_make(struct sqlite_reader *r, struct copy *c)
{
	int rc;

	c->out->bytes = database_bytes(&r->db);
	if (r->db.failed != 0)
		return r->db.failed;
	rc = copy_room(c, c->out->bytes);
	if (rc == 0)
		rc = copy_fill(r, c);
	return rc == 0 ? copy_finish(c) : rc;
}

int sqlite_backup(struct sqlite_reader *r, struct store_op *op)
{
	struct copy c = { .out = op->backup };
	int rc;

	if (access(c.out->path, F_OK) == 0)
		return copy_fail(&c, -EEXIST, strerror(EEXIST));
	snprintf(c.part, sizeof(c.part), "%s.XXXXXX", c.out->path);
	c.fd = mkostemp(c.part, O_CLOEXEC);
	if (c.fd < 0)
		return copy_failed(&c);
	rc = copy_make(r, &c);
	unlink(c.part);
	close(c.fd);
	return rc;
}
