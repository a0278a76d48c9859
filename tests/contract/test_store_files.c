/* The files that the SQLite back end finds: what it refuses, and leaves as it is. */
#include <errno.h>
#include <fcntl.h>
#include <glob.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../lib/unit.h"
#include "storetest.h"

enum { SNAPSHOT_MAX = 1 << 21 };

struct snapshot {
	char *data;
	ssize_t len;
};

static const char *db_path(const char *suffix)
{
	static char path[512];

	snprintf(path, sizeof(path), "%s/jobd.db%s", storetest_directory, suffix);
	return path;
}

static struct snapshot snapshot_of(const char *path)
{
	struct snapshot s = { malloc(SNAPSHOT_MAX), 0 };
	int fd = open(path, O_RDONLY);

	if (fd >= 0) {
		s.len = read(fd, s.data, SNAPSHOT_MAX);
		close(fd);
	}
	ck_assert_int_lt(s.len, SNAPSHOT_MAX);
	return s;
}

static void write_at(off_t at, const void *data, size_t len)
{
	int fd = open(db_path(""), O_WRONLY | O_CREAT, 0600);

	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(pwrite(fd, data, len, at), (ssize_t)len);
	close(fd);
}

static void submit_some(void)
{
	struct submission v[200] = { 0 };

	for (int i = 0; i < 200; i++)
		v[i].spec = new_spec("q", "t");
	ck_assert_int_eq(store_submit(st, v, 200, 1000, NULL), 0);
	for (int i = 0; i < 200; i++)
		job_spec_unref(&v[i].spec);
}

static void make_state(void)
{
	storetest_make_directory();
	storetest_open(&store_sqlite);
	storetest_go(submit_some);
	storetest_close();
	ck_assert_int_eq(unlink(db_path("-wal")), 0);		/* all of it is in the database by now */
	unlink(db_path("-shm"));
}

/* It is refused, in a sentence that names the file and holds `word`, and stays as it was. */
static void expect_refused(const char *word)
{
	struct snapshot before = snapshot_of(db_path("")), after;
	char why[512] = "";

	ck_assert_int_eq(storetest_try_open(&store_sqlite, why, sizeof(why)), STORE_OPEN_REFUSED);
	ck_assert_msg(strstr(why, word) != NULL, "%s", why);
	ck_assert_msg(strstr(why, db_path("")) != NULL, "%s", why);
	after = snapshot_of(db_path(""));
	ck_assert_int_eq(before.len, after.len);
	ck_assert(memcmp(before.data, after.data, (size_t)before.len) == 0);
	free(before.data);
	free(after.data);
	storetest_remove_directory();
}

START_TEST(no_database_at_all_is_refused)
{
	storetest_make_directory();
	write_at(0, "hello, this is a text and no database, however long it may go on and on, a hundred bytes and more than that", 105);
	expect_refused("damaged");
	ck_assert_int_ne(access(db_path("-wal"), F_OK), 0);
}
END_TEST

START_TEST(an_empty_file_is_refused)
{
	storetest_make_directory();
	write_at(0, "", 0);
	expect_refused("too short");
}
END_TEST

START_TEST(another_programs_database_is_refused)
{
	sqlite3 *h;

	storetest_make_directory();
	ck_assert_int_eq(sqlite3_open(db_path(""), &h), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(h, "CREATE TABLE mine(x); INSERT INTO mine VALUES(1)", NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
	expect_refused("another program");
	ck_assert_int_ne(access(db_path("-shm"), F_OK), 0);
}
END_TEST

static void alter(const char *sql)
{
	sqlite3 *h;

	ck_assert_int_eq(sqlite3_open(db_path(""), &h), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(h, "PRAGMA journal_mode = DELETE", NULL, NULL, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_exec(h, sql, NULL, NULL, NULL), SQLITE_OK);
	sqlite3_close(h);
}

START_TEST(a_newer_state_is_refused)
{
	make_state();
	alter("PRAGMA user_version = 999");
	expect_refused("newer");
}
END_TEST

START_TEST(a_state_with_a_table_missing_is_refused)
{
	make_state();
	alter("DROP TABLE queue");
	expect_refused("damaged");
}
END_TEST

START_TEST(a_state_with_another_table_is_refused)
{
	make_state();
	alter("CREATE TABLE theirs(x)");
	expect_refused("damaged");
}
END_TEST

/* How many pages the database says it has. */
static off_t page_count(void)
{
	unsigned char count[4];
	int fd = open(db_path(""), O_RDONLY);

	ck_assert_int_eq(pread(fd, count, 4, 28), 4);
	close(fd);
	return (off_t)count[0] << 24 | count[1] << 16 | count[2] << 8 | count[3];
}

START_TEST(a_truncated_file_is_refused)
{
	for (int i = 0; i < 5; i++) {
		make_state();
		off_t lengths[] = { 50, 100, 4096, 3 * 4096, (page_count() - 1) * 4096 };

		ck_assert_int_eq(truncate(db_path(""), lengths[i]), 0);
		expect_refused("damaged");
	}
}
END_TEST

/* Where the last of the texts of the schema lie: the first page has no room for them, and says so. */
static off_t schema_page(void)
{
	unsigned char number[4];
	int fd = open(db_path(""), O_RDONLY);

	ck_assert_int_eq(pread(fd, number, sizeof(number), 108), sizeof(number));
	close(fd);
	return (((off_t)number[0] << 24 | number[1] << 16 | number[2] << 8 | number[3]) - 1) * 4096;
}

START_TEST(garbage_anywhere_in_it_is_refused)
{
	char garbage[600];

	memset(garbage, 0xa5, sizeof(garbage));
	for (size_t i = 0; i < 6; i++) {
		off_t places[] = { 16, 101, 0, 4096, 2 * 4096, 5 * 4096 };

		make_state();
		places[2] = schema_page() + 3000;
		write_at(places[i], garbage, sizeof(garbage));
		expect_refused("");
	}
}
END_TEST

START_TEST(a_log_without_its_database_is_refused)
{
	char wal[512];
	int fd;

	storetest_make_directory();
	snprintf(wal, sizeof(wal), "%s", db_path("-wal"));
	fd = open(wal, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "something", 9), 9);
	close(fd);
	expect_refused("missing");
}
END_TEST

START_TEST(a_directory_in_use_is_refused)
{
	struct store_observer nobody = { 0 };
	struct store *other;
	char why[512] = "", pid[32];

	storetest_make_directory();
	storetest_open(&store_sqlite);
	ck_assert_int_eq(store_open(&store_sqlite, &storetest_conf, &nobody, &other, why, sizeof(why)), STORE_OPEN_REFUSED);
	ck_assert_ptr_null(other);
	snprintf(pid, sizeof(pid), "pid %d", (int)getpid());
	ck_assert_msg(strstr(why, pid) != NULL, "%s", why);
	ck_assert_msg(strstr(why, storetest_directory) != NULL, "%s", why);
	storetest_close();
	storetest_open(&store_sqlite);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

START_TEST(no_directory_is_a_failure)
{
	char why[512] = "";

	storetest_conf.directory = "/nonexistent/storetest";
	ck_assert_int_eq(storetest_try_open(&store_sqlite, why, sizeof(why)), STORE_OPEN_FAILED);
	ck_assert_msg(strstr(why, "/nonexistent/storetest") != NULL, "%s", why);
}
END_TEST

START_TEST(a_half_made_file_is_made_anew)
{
	char fresh[512];
	int fd;

	storetest_make_directory();
	snprintf(fresh, sizeof(fresh), "%s", db_path(".new"));
	fd = open(fresh, O_WRONLY | O_CREAT, 0600);
	ck_assert_int_eq(write(fd, "half", 4), 4);
	close(fd);
	storetest_open(&store_sqlite);
	storetest_go(submit_some);
	storetest_close();
	ck_assert_int_ne(access(fresh, F_OK), 0);
	storetest_remove_directory();
}
END_TEST

/* ---- backup ---- */

static char backup_path[600];

static size_t files_beside_backup(void)
{
	glob_t found;
	char pattern[640];
	size_t n;

	snprintf(pattern, sizeof(pattern), "%s*", backup_path);
	n = glob(pattern, 0, NULL, &found) == 0 ? found.gl_pathc : 0;
	globfree(&found);
	return n;
}

static void back_up(void)
{
	struct backup backup = { .path = backup_path };

	submit_some();
	ck_assert_int_eq(store_backup(st, &backup), 0);
	ck_assert_uint_eq(files_beside_backup(), 1);
	ck_assert_int_eq(store_backup(st, &backup), -EEXIST);
	ck_assert_int_eq(unlink(backup_path), 0);
	store_hurry(st);
	ck_assert_int_eq(store_backup(st, &backup), -ECANCELED);
	ck_assert_uint_eq(files_beside_backup(), 0);
}

START_TEST(a_backup_that_has_to_hurry_leaves_nothing)
{
	storetest_make_directory();
	snprintf(backup_path, sizeof(backup_path), "%s/backup", storetest_directory);
	storetest_open(&store_sqlite);
	storetest_go(back_up);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

static void back_up_memory(void)
{
	struct backup backup = { .path = "/never" };

	ck_assert_int_eq(store_backup(st, &backup), -EOPNOTSUPP);
	ck_assert_str_ne(backup.why, "");
}

START_TEST(what_is_in_memory_has_no_backup)
{
	storetest_make_directory();
	storetest_open(&store_memory);
	storetest_go(back_up_memory);
	storetest_close();
	storetest_remove_directory();
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_files");
	TCase *tc = tcase_create("refused"), *backup = tcase_create("backup");

	tcase_add_test(tc, no_database_at_all_is_refused);
	tcase_add_test(tc, an_empty_file_is_refused);
	tcase_add_test(tc, another_programs_database_is_refused);
	tcase_add_test(tc, a_newer_state_is_refused);
	tcase_add_test(tc, a_state_with_a_table_missing_is_refused);
	tcase_add_test(tc, a_state_with_another_table_is_refused);
	tcase_add_test(tc, a_truncated_file_is_refused);
	tcase_add_test(tc, garbage_anywhere_in_it_is_refused);
	tcase_add_test(tc, a_log_without_its_database_is_refused);
	tcase_add_test(tc, a_directory_in_use_is_refused);
	tcase_add_test(tc, no_directory_is_a_failure);
	tcase_add_test(tc, a_half_made_file_is_made_anew);
	suite_add_tcase(s, tc);
	tcase_add_test(backup, a_backup_that_has_to_hurry_leaves_nothing);
	tcase_add_test(backup, what_is_in_memory_has_no_backup);
	suite_add_tcase(s, backup);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
