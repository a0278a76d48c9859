#include "store/sqlite_gather.h"

#include <sqlite3.h>
#include <string.h>

#include "store/sqlite_db.h"

enum { GATHER_BYTES = 16 * (4096 + 24) };	/* SQLite's VFS for Unix takes less than 128 KiB at a time */

struct gather_file {
	sqlite3_file base;
	char *bytes;			/* not written yet: n of them, which belong at `at` */
	int n;
	sqlite3_int64 at;
	sqlite3_int64 real[];		/* the file that it is about, aligned as SQLite does it */
};

static sqlite3_vfs gather, *real_vfs;

static struct gather_file *gather_of(sqlite3_file *file)
{
	return (struct gather_file *)file;
}

static sqlite3_file *gather_real(struct gather_file *f)
{
	return (sqlite3_file *)f->real;
}

/* Once only: what could not be written is of a transaction that fails thereby. */
static int gather_flush(struct gather_file *f)
{
	sqlite3_file *real = gather_real(f);
	int n = f->n;

	f->n = 0;
	return n > 0 ? real->pMethods->xWrite(real, f->bytes, n, f->at) : SQLITE_OK;
}

/* ---- a log's methods ---- */

static int gather_close(sqlite3_file *file)
{
	struct gather_file *f = gather_of(file);
	sqlite3_file *real = gather_real(f);
	int rc = gather_flush(f), closed = real->pMethods->xClose(real);

	sqlite3_free(f->bytes);
	return rc != SQLITE_OK ? rc : closed;
}

static int gather_read(sqlite3_file *file, void *to, int n, sqlite3_int64 at)
{
	sqlite3_file *real = gather_real(gather_of(file));
	int rc = gather_flush(gather_of(file));

	return rc != SQLITE_OK ? rc : real->pMethods->xRead(real, to, n, at);
}

static int gather_write(sqlite3_file *file, const void *from, int n, sqlite3_int64 at)
{
	struct gather_file *f = gather_of(file);
	sqlite3_file *real = gather_real(f);
	int rc = SQLITE_OK;

	if (at != f->at + f->n || n > GATHER_BYTES - f->n) {
		rc = gather_flush(f);
		f->at = at;
	}
	if (rc != SQLITE_OK || n > GATHER_BYTES)
		return rc != SQLITE_OK ? rc : real->pMethods->xWrite(real, from, n, at);
	memcpy(f->bytes + f->n, from, (size_t)n);
	f->n += n;
	return SQLITE_OK;
}

static int gather_truncate(sqlite3_file *file, sqlite3_int64 size)
{
	sqlite3_file *real = gather_real(gather_of(file));
	int rc = gather_flush(gather_of(file));

	return rc != SQLITE_OK ? rc : real->pMethods->xTruncate(real, size);
}

static int gather_sync(sqlite3_file *file, int flags)
{
	sqlite3_file *real = gather_real(gather_of(file));
	int rc = gather_flush(gather_of(file));

	return rc != SQLITE_OK ? rc : real->pMethods->xSync(real, flags);
}

static int gather_size(sqlite3_file *file, sqlite3_int64 *size)
{
	sqlite3_file *real = gather_real(gather_of(file));
	int rc = gather_flush(gather_of(file));

	return rc != SQLITE_OK ? rc : real->pMethods->xFileSize(real, size);
}

static int gather_lock(sqlite3_file *file, int level)
{
	sqlite3_file *real = gather_real(gather_of(file));

	return real->pMethods->xLock(real, level);
}

static int gather_unlock(sqlite3_file *file, int level)
{
	sqlite3_file *real = gather_real(gather_of(file));

	return real->pMethods->xUnlock(real, level);
}

static int gather_check_lock(sqlite3_file *file, int *locked)
{
	sqlite3_file *real = gather_real(gather_of(file));

	return real->pMethods->xCheckReservedLock(real, locked);
}

static int gather_control(sqlite3_file *file, int op, void *arg)
{
	sqlite3_file *real = gather_real(gather_of(file));

	return real->pMethods->xFileControl(real, op, arg);
}

static int gather_sector(sqlite3_file *file)
{
	sqlite3_file *real = gather_real(gather_of(file));

	return real->pMethods->xSectorSize(real);
}

static int gather_traits(sqlite3_file *file)
{
	sqlite3_file *real = gather_real(gather_of(file));

	return real->pMethods->xDeviceCharacteristics(real);
}

static const sqlite3_io_methods methods = {
	.iVersion = 1,
	.xClose = gather_close,
	.xRead = gather_read,
	.xWrite = gather_write,
	.xTruncate = gather_truncate,
	.xSync = gather_sync,
	.xFileSize = gather_size,
	.xLock = gather_lock,
	.xUnlock = gather_unlock,
	.xCheckReservedLock = gather_check_lock,
	.xFileControl = gather_control,
	.xSectorSize = gather_sector,
	.xDeviceCharacteristics = gather_traits,
};

/* ---- opening ---- */

static int gather_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *flags_out)
{
	struct gather_file *f = gather_of(file);
	int rc;

	(void)vfs;
	if ((flags & SQLITE_OPEN_WAL) == 0)
		return real_vfs->xOpen(real_vfs, name, file, flags, flags_out);
	f->base.pMethods = NULL;
	f->bytes = sqlite3_malloc(GATHER_BYTES);
	if (f->bytes == NULL)
		return SQLITE_NOMEM;
	f->n = 0;
	f->at = 0;
	rc = real_vfs->xOpen(real_vfs, name, gather_real(f), flags, flags_out);
	if (rc == SQLITE_OK)
		f->base.pMethods = &methods;
	else
		sqlite3_free(f->bytes);
	return rc;
}

const char *sqlite_gather_vfs(void)
{
	real_vfs = sqlite3_vfs_find(sqlite_db_vfs());
	if (real_vfs == NULL)
		return NULL;
	sqlite3_vfs_unregister(&gather);
	gather = *real_vfs;
	gather.zName = "jobd";
	gather.szOsFile += (int)sizeof(struct gather_file);
	gather.xOpen = gather_open;
	return sqlite3_vfs_register(&gather, 0) == SQLITE_OK ? gather.zName : NULL;
}
