#include "faultvfs.h"

#include <pthread.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <string.h>

struct fault_file {
	sqlite3_file base;
	sqlite3_file *real;		/* behind it, in the same block */
};

static struct {
	pthread_mutex_t mutex;
	sqlite3_vfs vfs, *real;
	sqlite3_io_methods methods;
	long calls, first, many, failed;
	int code;
} fault = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct fault_file *)f)->real;
}

/* SQLITE_OK, or the failure it is time for. */
static int fault_now(void)
{
	int rc = SQLITE_OK;

	pthread_mutex_lock(&fault.mutex);
	fault.calls++;
	if (fault.many > 0 && fault.calls >= fault.first && fault.calls < fault.first + fault.many) {
		fault.failed++;
		rc = fault.code;
	}
	pthread_mutex_unlock(&fault.mutex);
	return rc;
}

void faultvfs_fail(long n, long many, int code)
{
	pthread_mutex_lock(&fault.mutex);
	fault.calls = fault.failed = 0;
	fault.first = n;
	fault.many = many;
	fault.code = code;
	pthread_mutex_unlock(&fault.mutex);
}

long faultvfs_heal(void)
{
	long failed;

	pthread_mutex_lock(&fault.mutex);
	failed = fault.failed;
	fault.calls = fault.failed = fault.many = 0;
	pthread_mutex_unlock(&fault.mutex);
	return failed;
}

long faultvfs_calls(void)
{
	long calls;

	pthread_mutex_lock(&fault.mutex);
	calls = fault.calls;
	pthread_mutex_unlock(&fault.mutex);
	return calls;
}

/* ---- what may fail ---- */

static int fault_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	int rc = fault_now();

	/* A write that fails has got half of it down. */
	if (rc != SQLITE_OK) {
		real_of(f)->pMethods->xWrite(real_of(f), data, n / 2, at);
		return rc;
	}
	return real_of(f)->pMethods->xWrite(real_of(f), data, n, at);
}

static int fault_sync(sqlite3_file *f, int flags)
{
	int rc = fault_now();

	return rc != SQLITE_OK ? SQLITE_IOERR_FSYNC : real_of(f)->pMethods->xSync(real_of(f), flags);
}

static int fault_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = fault_now();

	return rc != SQLITE_OK ? rc : real_of(f)->pMethods->xTruncate(real_of(f), size);
}

static int fault_control(sqlite3_file *f, int op, void *arg)
{
	int rc = op == SQLITE_FCNTL_SIZE_HINT ? fault_now() : SQLITE_OK;

	return rc != SQLITE_OK ? rc : real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

/* ---- the rest is passed on ---- */

static int fault_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int fault_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
	return real_of(f)->pMethods->xRead(real_of(f), data, n, at);
}

static int fault_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int fault_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int fault_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int fault_reserved(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int fault_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int fault_traits(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int fault_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int fault_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void fault_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int fault_shm_unmap(sqlite3_file *f, int remove)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static int fault_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	struct fault_file *f = (struct fault_file *)file;
	int rc;

	(void)vfs;
	f->real = (sqlite3_file *)(f + 1);
	f->base.pMethods = NULL;
	rc = fault.real->xOpen(fault.real, name, f->real, flags, out);
	if (f->real->pMethods != NULL)
		f->base.pMethods = &fault.methods;
	return rc;
}

void faultvfs_install(void)
{
	fault.real = sqlite3_vfs_find("unix-excl");
	if (fault.real == NULL)
		abort();
	fault.methods = (sqlite3_io_methods){
		.iVersion = 2, .xClose = fault_close, .xRead = fault_read, .xWrite = fault_write,
		.xTruncate = fault_truncate, .xSync = fault_sync, .xFileSize = fault_size, .xLock = fault_lock,
		.xUnlock = fault_unlock, .xCheckReservedLock = fault_reserved, .xFileControl = fault_control,
		.xSectorSize = fault_sector, .xDeviceCharacteristics = fault_traits, .xShmMap = fault_shm_map,
		.xShmLock = fault_shm_lock, .xShmBarrier = fault_shm_barrier, .xShmUnmap = fault_shm_unmap,
	};
	fault.vfs = *fault.real;
	fault.vfs.szOsFile = (int)sizeof(struct fault_file) + fault.real->szOsFile;
	fault.vfs.zName = "fault";
	fault.vfs.pNext = NULL;
	fault.vfs.xOpen = fault_open;
	if (sqlite3_vfs_register(&fault.vfs, 1) != SQLITE_OK)
		abort();
}
