#include "powervfs.h"

#include <fcntl.h>
#include <pthread.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/chance.h"

enum { FILES = 2, SECTOR = 512, IMAGE_MAX = 256 << 20, RECORDS_MAX = 1 << 20 };

static const char *const names[FILES] = { "jobd.db", "jobd.db-wal" };

enum what { WRITTEN, TRUNCATED, SYNCED };

struct event {
	enum what what;
	int file;
	sqlite3_int64 at;		/* truncated: the size */
	size_t n;
	char *data;
};

struct image {
	char *data;
	size_t size, room;
};

struct power_file {
	sqlite3_file base;
	int file;			/* -1: not recorded */
	sqlite3_file *real;
};

static struct {
	pthread_mutex_t mutex;
	sqlite3_vfs vfs, *real;
	sqlite3_io_methods methods;
	char directory[256];
	bool on;
	struct event *events;
	size_t n;
	/* replay */
	struct image synced[FILES];
	size_t applied[FILES];		/* events up to there are in `synced`, where they are of that file */
} power = { .mutex = PTHREAD_MUTEX_INITIALIZER };

static void *must_have(void *p)
{
	if (p == NULL)
		abort();
	return p;
}

/* ---- recording ---- */

static void record(sqlite3_file *f, enum what what, const void *data, size_t n, sqlite3_int64 at)
{
	struct event e = { what, ((struct power_file *)f)->file, at, n, NULL };

	if (e.file < 0)
		return;
	pthread_mutex_lock(&power.mutex);
	if (power.on) {
		if (power.n == RECORDS_MAX)
			abort();
		if (n > 0)
			e.data = memcpy(must_have(malloc(n)), data, n);
		power.events[power.n++] = e;
	}
	pthread_mutex_unlock(&power.mutex);
}

static sqlite3_file *real_of(sqlite3_file *f)
{
	return ((struct power_file *)f)->real;
}

static int power_write(sqlite3_file *f, const void *data, int n, sqlite3_int64 at)
{
	int rc = real_of(f)->pMethods->xWrite(real_of(f), data, n, at);

	if (rc == SQLITE_OK)
		record(f, WRITTEN, data, (size_t)n, at);
	return rc;
}

static int power_truncate(sqlite3_file *f, sqlite3_int64 size)
{
	int rc = real_of(f)->pMethods->xTruncate(real_of(f), size);

	if (rc == SQLITE_OK)
		record(f, TRUNCATED, NULL, 0, size);
	return rc;
}

static int power_sync(sqlite3_file *f, int flags)
{
	int rc = real_of(f)->pMethods->xSync(real_of(f), flags);

	if (rc == SQLITE_OK)
		record(f, SYNCED, NULL, 0, 0);
	return rc;
}

/* ---- the rest is passed on ---- */

static int power_close(sqlite3_file *f)
{
	return real_of(f)->pMethods->xClose(real_of(f));
}

static int power_read(sqlite3_file *f, void *data, int n, sqlite3_int64 at)
{
	return real_of(f)->pMethods->xRead(real_of(f), data, n, at);
}

static int power_size(sqlite3_file *f, sqlite3_int64 *size)
{
	return real_of(f)->pMethods->xFileSize(real_of(f), size);
}

static int power_lock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xLock(real_of(f), level);
}

static int power_unlock(sqlite3_file *f, int level)
{
	return real_of(f)->pMethods->xUnlock(real_of(f), level);
}

static int power_reserved(sqlite3_file *f, int *out)
{
	return real_of(f)->pMethods->xCheckReservedLock(real_of(f), out);
}

static int power_control(sqlite3_file *f, int op, void *arg)
{
	return real_of(f)->pMethods->xFileControl(real_of(f), op, arg);
}

static int power_sector(sqlite3_file *f)
{
	return real_of(f)->pMethods->xSectorSize(real_of(f));
}

static int power_traits(sqlite3_file *f)
{
	return real_of(f)->pMethods->xDeviceCharacteristics(real_of(f));
}

static int power_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **out)
{
	return real_of(f)->pMethods->xShmMap(real_of(f), page, size, extend, out);
}

static int power_shm_lock(sqlite3_file *f, int at, int n, int flags)
{
	return real_of(f)->pMethods->xShmLock(real_of(f), at, n, flags);
}

static void power_shm_barrier(sqlite3_file *f)
{
	real_of(f)->pMethods->xShmBarrier(real_of(f));
}

static int power_shm_unmap(sqlite3_file *f, int remove)
{
	return real_of(f)->pMethods->xShmUnmap(real_of(f), remove);
}

static int file_of(const char *name)
{
	size_t len = strlen(power.directory);

	if (name == NULL || len == 0 || strncmp(name, power.directory, len) != 0 || name[len] != '/')
		return -1;
	for (int i = 0; i < FILES; i++)
		if (strcmp(name + len + 1, names[i]) == 0)
			return i;
	return -1;
}

static int power_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *file, int flags, int *out)
{
	struct power_file *f = (struct power_file *)file;
	int rc;

	(void)vfs;
	f->real = (sqlite3_file *)(f + 1);
	f->base.pMethods = NULL;
	f->file = file_of(name);
	rc = power.real->xOpen(power.real, name, f->real, flags, out);
	if (f->real->pMethods != NULL)
		f->base.pMethods = &power.methods;
	return rc;
}

void powervfs_install(void)
{
	power.real = must_have(sqlite3_vfs_find("unix-excl"));
	power.methods = (sqlite3_io_methods){
		.iVersion = 2, .xClose = power_close, .xRead = power_read, .xWrite = power_write,
		.xTruncate = power_truncate, .xSync = power_sync, .xFileSize = power_size, .xLock = power_lock,
		.xUnlock = power_unlock, .xCheckReservedLock = power_reserved, .xFileControl = power_control,
		.xSectorSize = power_sector, .xDeviceCharacteristics = power_traits, .xShmMap = power_shm_map,
		.xShmLock = power_shm_lock, .xShmBarrier = power_shm_barrier, .xShmUnmap = power_shm_unmap,
	};
	power.vfs = *power.real;
	power.vfs.szOsFile = (int)sizeof(struct power_file) + power.real->szOsFile;
	power.vfs.zName = "power";
	power.vfs.pNext = NULL;
	power.vfs.xOpen = power_open;
	if (sqlite3_vfs_register(&power.vfs, 1) != SQLITE_OK)
		abort();
	power.events = must_have(calloc(RECORDS_MAX, sizeof(struct event)));
}

/* ---- images ---- */

static void path_of(int file, char path[300])
{
	snprintf(path, 300, "%s/%s", power.directory, names[file]);
}

static void image_size(struct image *i, size_t size)
{
	if (size > IMAGE_MAX)
		abort();
	if (size > i->room) {
		i->room = 2 * size;
		i->data = must_have(realloc(i->data, i->room));
	}
	if (size > i->size)
		memset(i->data + i->size, 0, size - i->size);
	i->size = size;
}

static void image_apply(struct image *i, const struct event *e, size_t from, size_t n)
{
	size_t at = (size_t)e->at + from;

	if (e->what == TRUNCATED) {
		image_size(i, (size_t)e->at);
		return;
	}
	if (at + n > i->size)
		image_size(i, at + n);
	memcpy(i->data + at, e->data + from, n);
}

static void image_read(struct image *i, const char *path)
{
	int fd = open(path, O_RDONLY);
	struct stat st;

	image_size(i, 0);
	if (fd < 0)
		return;
	if (fstat(fd, &st) != 0)
		abort();
	image_size(i, (size_t)st.st_size);
	if (read(fd, i->data, i->size) != (ssize_t)i->size)
		abort();
	close(fd);
}

static void image_write(const struct image *i, const char *path)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);

	if (fd < 0 || (i->size > 0 && write(fd, i->data, i->size) != (ssize_t)i->size))
		abort();
	close(fd);
}

/* ---- record and replay ---- */

void powervfs_record(const char *directory)
{
	char path[300];

	snprintf(power.directory, sizeof(power.directory), "%s", directory);
	for (int f = 0; f < FILES; f++) {
		path_of(f, path);
		image_read(&power.synced[f], path);
		power.applied[f] = 0;
	}
	for (size_t i = 0; i < power.n; i++)
		free(power.events[i].data);
	power.n = 0;
	power.on = true;
}

void powervfs_stop(void)
{
	pthread_mutex_lock(&power.mutex);
	power.on = false;
	pthread_mutex_unlock(&power.mutex);
}

size_t powervfs_moment(void)
{
	size_t n;

	pthread_mutex_lock(&power.mutex);
	n = power.n;
	pthread_mutex_unlock(&power.mutex);
	return n;
}

size_t powervfs_next_sync(size_t after)
{
	for (size_t i = after; i < power.n; i++)
		if (power.events[i].what == SYNCED)
			return i > after ? i : i + 1;
	return 0;
}

/* What the file's last sync before the moment has made sure of. */
static void replay_synced(int file, size_t moment)
{
	size_t last = moment;

	while (last > power.applied[file] && !(power.events[last - 1].file == file && power.events[last - 1].what == SYNCED))
		last--;
	for (size_t i = power.applied[file]; i < last; i++)
		if (power.events[i].file == file && power.events[i].what != SYNCED)
			image_apply(&power.synced[file], &power.events[i], 0, power.events[i].n);
	power.applied[file] = last;
}

/* Some of the sectors written since, in any order. */
static void replay_some(struct image *i, int file, size_t moment)
{
	for (size_t k = power.applied[file]; k < moment; k++) {
		const struct event *e = &power.events[k];

		if (e->file != file || e->what != WRITTEN)
			continue;
		for (size_t at = 0; at < e->n; at += SECTOR)
			if (chance_below(2))
				image_apply(i, e, at, e->n - at < SECTOR ? e->n - at : SECTOR);
	}
}

void powervfs_fail(size_t moment, bool some)
{
	char path[300];

	for (int f = 0; f < FILES; f++) {
		struct image cut = { NULL, 0, 0 };

		replay_synced(f, moment);
		path_of(f, path);
		if (!some) {
			image_write(&power.synced[f], path);
			continue;
		}
		image_size(&cut, power.synced[f].size);
		if (cut.size > 0)
			memcpy(cut.data, power.synced[f].data, cut.size);
		replay_some(&cut, f, moment);
		image_write(&cut, path);
		free(cut.data);
	}
	snprintf(path, sizeof(path), "%s/jobd.db-shm", power.directory);
	unlink(path);
}
