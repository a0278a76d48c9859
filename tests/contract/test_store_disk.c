/*
 * The SQLite back end on a disk that is full, small or broken.
 *
 * A full or small disk is a small file system of its own (a tmpfs in a private
 * mount namespace); where that is not allowed, those cases are not run. A
 * broken one is a layer under SQLite (faultvfs).
 */
#include <fcntl.h>
#include <sched.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/mount.h>
#include <sys/stat.h>
#include <sys/statvfs.h>
#include <sys/wait.h>
#include <unistd.h>

#include "../lib/unit.h"
#include "faultvfs.h"
#include "storetest.h"

static char filler[512];

static void tell_kernel(const char *path, const char *text)
{
	int fd = open(path, O_WRONLY);

	if (fd < 0 || write(fd, text, strlen(text)) < 0)
		remark("%s: %s", path, strerror(errno));
	if (fd >= 0)
		close(fd);
}

/* In a user namespace of our own, where we are root, a mount is ours to make; outside we are this user. */
static void map_user(uid_t user, gid_t group)
{
	char map[64];

	tell_kernel("/proc/self/setgroups", "deny");
	snprintf(map, sizeof(map), "0 %d 1", (int)user);
	tell_kernel("/proc/self/uid_map", map);
	snprintf(map, sizeof(map), "0 %d 1", (int)group);
	tell_kernel("/proc/self/gid_map", map);
}

static bool enter_namespace(void)
{
	uid_t user = geteuid();
	gid_t group = getegid();

	if (user == 0)
		return unshare(CLONE_NEWNS) == 0;
	if (unshare(CLONE_NEWUSER | CLONE_NEWNS) != 0)
		return false;
	map_user(user, group);
	return true;
}

/* A file system of that size over a directory, for this process; false: not allowed here. */
static bool mount_on(const char *directory, int mib)
{
	char options[32];

	snprintf(options, sizeof(options), "size=%dm", mib);
	return enter_namespace() && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
	       mount("storetest", directory, "tmpfs", 0, options) == 0;
}

static void mount_disk(int mib)
{
	storetest_make_directory();
	ck_assert(mount_on(storetest_directory, mib));
	snprintf(filler, sizeof(filler), "%s/filler", storetest_directory);
}

static void unmount_disk(void)
{
	ck_assert_int_eq(umount2(storetest_directory, MNT_DETACH), 0);
	ck_assert_int_eq(rmdir(storetest_directory), 0);
}

/* Somebody else fills the disk: all but `leave` bytes. */
static void fill_disk(size_t leave)
{
	int fd = open(filler, O_WRONLY | O_CREAT, 0600);
	struct statvfs vfs;
	size_t left;

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(fstatvfs(fd, &vfs), 0);
	left = vfs.f_bavail * vfs.f_frsize;
	if (left > leave)
		ck_assert_int_eq(posix_fallocate(fd, 0, (off_t)(left - leave)), 0);
	close(fd);
}

static bool writable(void)
{
	struct store_stats stats;

	store_stats(st, &stats);
	return stats.writable;
}

static int try_submit(void)
{
	struct submission s = { .spec = new_spec("q", "t") };
	int rc = store_submit(st, &s, 1, 1000, NULL);

	job_spec_unref(&s.spec);
	return rc;
}

/* A job of 64 KiB, so that a disk fills soon. */
static int try_submit_big(void)
{
	struct job_spec from = storetest_spec();
	struct submission s = { 0 };
	static char args[64 * 1024];
	int rc;

	memset(args, 'x', sizeof(args) - 1);
	from.args = args;
	s.spec = job_spec_new(&from);
	rc = store_submit(st, &s, 1, 1000, NULL);
	job_spec_unref(&s.spec);
	return rc;
}

static void wait_until_writable(void)
{
	mono_us until = clock_after(20 * 1000000);

	while (!writable()) {
		ck_assert(clock_mono() < until);
		coro_sleep(clock_after(1000));
	}
}

/* What ends work or makes room goes on, on a disk where nothing is accepted. */
static void full_disk(void)
{
	int64_t running[40], waiting = submit(), unclaimed = submit(), final = submit();
	enum job_state state;
	wall_ms next;
	size_t removed;
	int64_t before;

	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(claim(running[i] = submit(), 1, 2000), 0);
	succeed(final, 2000);
	fill_disk(0);
	while (try_submit_big() == 0)
		;
	ck_assert_int_eq(try_submit(), -ENOSPC);
	ck_assert(!writable());
	before = (int64_t)told_n;
	ck_assert_int_eq(claim(unclaimed, 1, 2000), -ENOSPC);
	ck_assert_int_eq(store_hold(st, waiting, 2000, &state), -ENOSPC);
	ck_assert_int_eq(store_due(st, 2000, 10, &next), -ENOSPC);
	ck_assert_int_eq((int64_t)told_n, before);
	for (int i = 0; i < 40; i++)
		ck_assert_int_eq(settle(running[i], 1, OUTCOME_FAILED, JOB_FAILED, 3000), 0);
	ck_assert_int_eq(settle(unclaimed, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_int_eq(store_cancel(st, waiting, 3000, &state), 0);
	ck_assert_int_eq(store_prune(st, 2000 + storetest_conf.retain, 1, &next, &removed), 0);
	ck_assert_uint_eq(removed, 1);
	ck_assert_int_eq(store_delete(st, running[0], 4000, &state), 0);
	ck_assert(!writable());
	storetest_agree();
	ck_assert_int_eq(unlink(filler), 0);
	wait_until_writable();
	ck_assert_int_eq(try_submit(), 0);
	ck_assert_int_eq(state_of(running[1]), JOB_FAILED);
}

START_TEST(on_a_full_disk_work_ends_and_nothing_is_accepted_until_it_heals)
{
	mount_disk(32);
	storetest_open(&store_sqlite);
	storetest_go(full_disk);
	storetest_go(storetest_agree);
	storetest_close();
	storetest_open(&store_sqlite);
	storetest_go(storetest_agree);
	storetest_close();
	unmount_disk();
}
END_TEST

/* Eight MiB are enough to begin with, and go a long way: the log gives its room back before anything is refused. */
static void small_disk(void)
{
	enum job_state state;
	int64_t id;

	for (int i = 0; i < 1500; i++) {
		id = submit();
		succeed(id, 2000);
		if (i % 100 != 0)
			ck_assert_int_eq(store_delete(st, id, 3000, &state), 0);
		ck_assert(writable());
	}
}

START_TEST(eight_mebibytes_are_enough_to_start)
{
	mount_disk(8);
	storetest_open(&store_sqlite);
	storetest_go(small_disk);
	storetest_go(storetest_agree);
	storetest_close();
	unmount_disk();
}
END_TEST

static void fill_up(void)
{
	submit();
	fill_disk(0);
	while (try_submit_big() == 0)
		;
	ck_assert(!writable());
}

static void end_work_then_heal(void)
{
	ck_assert(!writable());
	ck_assert_int_eq(settle(1, 1, OUTCOME_SUCCEEDED, JOB_SUCCEEDED, 3000), 0);
	ck_assert_int_eq(try_submit_big(), -ENOSPC);
	ck_assert_int_eq(unlink(filler), 0);
	wait_until_writable();
	ck_assert_int_eq(try_submit_big(), 0);
	storetest_agree();
}

START_TEST(it_starts_on_a_disk_that_is_still_full)
{
	mount_disk(32);
	storetest_open(&store_sqlite);
	storetest_go(fill_up);
	storetest_close();
	storetest_open(&store_sqlite);
	storetest_go(end_work_then_heal);
	storetest_close();
	unmount_disk();
}
END_TEST

START_TEST(a_disk_too_full_to_begin_is_said_so)
{
	char why[512] = "";

	mount_disk(8);
	fill_disk(16 * 1024);
	ck_assert_int_eq(storetest_try_open(&store_sqlite, why, sizeof(why)), STORE_OPEN_FAILED);
	ck_assert_msg(strstr(why, storetest_directory) != NULL, "%s", why);
	ck_assert_int_eq(unlink(filler), 0);
	storetest_open(&store_sqlite);
	storetest_close();
	unmount_disk();
}
END_TEST

/* ---- the log ---- */

enum { LOG_LONG = 64 << 20, BATCH_BYTES = 16 << 20, MIB = 1 << 20 };

static int64_t log_bytes(void)
{
	struct store_stats stats;

	store_stats(st, &stats);
	return stats.wal_bytes;
}

static void submit_much(size_t bytes)
{
	for (size_t n = 0; n < bytes; n += 64 * 1024)
		ck_assert_int_eq(try_submit_big(), 0);
}

static void long_log(void)
{
	int64_t grown;

	submit_much(200 * MIB);
	grown = log_bytes();
	ck_assert_int_le(grown, LOG_LONG + 2 * BATCH_BYTES);
	for (int i = 0; i < 2000; i++)
		ck_assert_int_eq(try_submit(), 0);
	ck_assert_int_eq(log_bytes(), grown);		/* begun anew in its old place */
}

START_TEST(the_log_is_bounded_and_kept)
{
	storetest_run(&store_sqlite, long_log);
}
END_TEST

/* ---- a broken disk ---- */

static void broken_disk(void)
{
	int64_t id = submit(), other = submit();
	struct job_record record;
	enum job_state state;
	size_t told_before = told_n;

	faultvfs_fail(1, 1000000, SQLITE_IOERR_WRITE);
	ck_assert_int_eq(try_submit(), -EIO);
	ck_assert_int_eq(claim(id, 1, 2000), -EIO);
	ck_assert_int_eq(store_cancel(st, id, 2000, &state), -EIO);
	ck_assert(!writable());
	ck_assert_uint_eq(told_n, told_before);
	ck_assert_int_eq(store_get(st, id, &record), 0);	/* reading goes on */
	ck_assert_int_eq(record.row.state, JOB_READY);
	job_record_free(&record);
	faultvfs_heal();
	wait_until_writable();
	ck_assert_int_eq(claim(id, 1, 2000), 0);
	ck_assert_int_eq(try_submit(), 0);
	ck_assert_int_eq(state_of(other), JOB_READY);
	storetest_agree();
}

START_TEST(a_broken_disk_is_said_and_heals)
{
	storetest_run(&store_sqlite, broken_disk);
}
END_TEST

/* A little of everything; each answer is 0 or the disk's fault, and the stream agrees with it (storetest). */
static void live_a_little(void)
{
	struct submission v[3] = { { .spec = new_spec("q", "t") }, { .spec = new_keyed_spec("k") }, { .spec = new_spec("r", "t") } };
	struct settlement s;
	enum job_state state;
	size_t removed;
	wall_ms next;

	v[1].unique_on_conflict = UNIQUE_REPLACE;
	if (store_submit(st, v, 3, 1000, NULL) == 0) {
		claim(v[0].id, 1, 2000);
		store_output_append(st, v[0].id, 1, 0, 0, "out", 3);
		s = settlement(v[0].id, 1, OUTCOME_FAILED, JOB_SCHEDULED, 2000);
		s.run_at = 3000;
		store_settle(st, &s);
		store_due(st, 5000, 10, &next);
		store_hold(st, v[1].id, 3000, &state);
		pause_queue("q", true);
		store_release(st, v[1].id, 3000, &state);
		store_cancel(st, v[2].id, 3000, &state);
		store_delete(st, v[2].id, 3000, &state);
		store_prune(st, 1000000000, 1, &next, &removed);
	}
	for (int i = 0; i < 3; i++)
		job_spec_unref(&v[i].spec);
}

static long sweep_at, sweep_many;
static int sweep_code;
static bool sweep_over;

static void sweep_step(void)
{
	faultvfs_fail(sweep_at, sweep_many, sweep_code);
	live_a_little();
	sweep_over = faultvfs_heal() == 0;
	wait_until_writable();
	storetest_agree();
	ck_assert_int_eq(try_submit(), 0);
}

/* The n-th touch of the disk fails, and some after it, for every n: no answer lies, nothing is left half done. */
static void sweep(long many, int code)
{
	sweep_over = false;
	sweep_many = many;
	sweep_code = code;
	storetest_make_directory();
	for (sweep_at = 1; !sweep_over; sweep_at++) {
		storetest_open(&store_sqlite);	/* what it finds must agree with its counts, too */
		storetest_go(storetest_agree);
		storetest_go(sweep_step);
		storetest_close();
	}
	ck_assert_int_gt(sweep_at, 20);
	storetest_remove_directory();
}

START_TEST(any_touch_of_the_disk_may_fail_once)
{
	sweep(1, SQLITE_IOERR_WRITE);
}
END_TEST

START_TEST(any_touch_of_the_disk_may_find_it_full)
{
	sweep(3, SQLITE_FULL);
}
END_TEST

static bool may_mount(void)
{
	pid_t child = fork();
	int status = 1;

	if (child == 0)
		_exit(mount_on("/mnt", 8) ? 0 : 1);
	return child > 0 && waitpid(child, &status, 0) == child && status == 0;
}

static Suite *suite(void)
{
	Suite *s = suite_create("store_disk");
	TCase *tc = tcase_create("full");

	if (may_mount()) {
		tcase_add_test(tc, on_a_full_disk_work_ends_and_nothing_is_accepted_until_it_heals);
		tcase_add_test(tc, eight_mebibytes_are_enough_to_start);
		tcase_add_test(tc, it_starts_on_a_disk_that_is_still_full);
		tcase_add_test(tc, a_disk_too_full_to_begin_is_said_so);
	} else {
		remark("no file system may be mounted here: the cases of a full disk are not run");
	}
	suite_add_tcase(s, tc);
	tc = tcase_create("log");
	tcase_add_test(tc, the_log_is_bounded_and_kept);
	suite_add_tcase(s, tc);
	tc = tcase_create("broken");
	tcase_add_test(tc, a_broken_disk_is_said_and_heals);
	tcase_add_test(tc, any_touch_of_the_disk_may_fail_once);
	tcase_add_test(tc, any_touch_of_the_disk_may_find_it_full);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	faultvfs_install();
	if (access("/dev/shm", W_OK) == 0)
		setenv("TMPDIR", "/dev/shm", 0);	/* many syncs that prove nothing */
	return unit_run(suite());
}
