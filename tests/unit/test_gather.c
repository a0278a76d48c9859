/* The log of a database, gathered: what is read and what lasts is the same as without. */
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_gather.h"
#include "tests/lib/unit.h"

static char directory[] = "/tmp/gather.XXXXXX", path[64];
static sqlite3 *writer, *reader;

static void must(sqlite3 *h, const char *sql)
{
	char *why = NULL;

	ck_assert_msg(sqlite3_exec(h, sql, NULL, NULL, &why) == SQLITE_OK, "%s: %s", sql, why);
}

static int number(sqlite3 *h, const char *sql)
{
	sqlite3_stmt *stmt;
	int n;

	ck_assert_int_eq(sqlite3_prepare_v2(h, sql, -1, &stmt, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int(stmt, 0);
	sqlite3_finalize(stmt);
	return n;
}

static off_t log_size(void)
{
	char name[80];
	struct stat st;

	snprintf(name, sizeof(name), "%s-wal", path);
	return stat(name, &st) == 0 ? st.st_size : 0;
}

static void databases_open(void)
{
	ck_assert_ptr_nonnull(mkdtemp(directory));
	snprintf(path, sizeof(path), "%s/db", directory);
	ck_assert_int_eq(sqlite3_open_v2(path, &writer, SQLITE_OPEN_READWRITE | SQLITE_OPEN_CREATE, sqlite_gather_vfs()), SQLITE_OK);
	must(writer, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL; PRAGMA cache_size = 10;"
		     "CREATE TABLE t(id INTEGER PRIMARY KEY, data BLOB)");
	ck_assert_int_eq(sqlite3_open(path, &reader), SQLITE_OK);
}

static void databases_close(void)
{
	char name[80];

	sqlite3_close(reader);
	sqlite3_close(writer);
	for (const char *const *suffix = (const char *const[]){ "", "-wal", "-shm", NULL }; *suffix != NULL; suffix++) {
		snprintf(name, sizeof(name), "%s%s", path, *suffix);
		unlink(name);
	}
	ck_assert_int_eq(rmdir(directory), 0);
}

static void insert(int n)
{
	char sql[200];

	snprintf(sql, sizeof(sql), "WITH RECURSIVE n(i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < %d)"
		 " INSERT INTO t(data) SELECT zeroblob(1000) FROM n", n);
	must(writer, sql);
}

/* A commit of a page, of a few, of as many as are gathered at once, and of many more. */
START_TEST(others_read_what_is_committed)
{
	static const int rows[] = { 1, 10, 60, 64, 1000 };
	int n = 0;

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		insert(rows[i]);
		n += rows[i];
		ck_assert_int_eq(number(reader, "SELECT count(*) FROM t WHERE length(data) = 1000"), n);
	}
	must(reader, "PRAGMA wal_checkpoint(TRUNCATE)");
	ck_assert_int_eq(log_size(), 0);
	insert(1);
	ck_assert_int_eq(number(reader, "SELECT count(*) FROM t"), n + 1);
}
END_TEST

/* With so small a cache the pages of a transaction are written to the log, and read again, before its end. */
START_TEST(a_transaction_reads_what_it_wrote)
{
	must(writer, "BEGIN");
	insert(500);
	ck_assert_int_eq(number(writer, "SELECT count(*) FROM t WHERE length(data) = 1000"), 500);
	must(writer, "UPDATE t SET data = zeroblob(999) WHERE id % 7 = 0");
	ck_assert_int_eq(number(writer, "SELECT count(*) FROM t WHERE length(data) = 999"), 71);
	ck_assert_int_eq(number(reader, "SELECT count(*) FROM t"), 0);
	must(writer, "COMMIT");
	ck_assert_int_eq(number(reader, "SELECT count(*) FROM t WHERE length(data) = 999"), 71);
	ck_assert_int_eq(number(reader, "SELECT count(*) FROM t"), 500);
}
END_TEST

START_TEST(what_is_rolled_back_is_not_there)
{
	insert(3);
	must(writer, "BEGIN");
	insert(500);
	must(writer, "ROLLBACK");
	ck_assert_int_eq(number(writer, "SELECT count(*) FROM t"), 3);
	insert(1);
	ck_assert_int_eq(number(reader, "SELECT count(*) FROM t"), 4);
	sqlite3_close(writer);
	ck_assert_int_eq(sqlite3_open(path, &writer), SQLITE_OK);
	ck_assert_int_eq(number(writer, "SELECT count(*) FROM t"), 4);
	ck_assert_int_eq(number(writer, "SELECT count(*) FROM pragma_integrity_check WHERE integrity_check = 'ok'"), 1);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("gather");
	TCase *c = tcase_create("log");

	tcase_add_checked_fixture(c, databases_open, databases_close);
	tcase_add_test(c, others_read_what_is_committed);
	tcase_add_test(c, a_transaction_reads_what_it_wrote);
	tcase_add_test(c, what_is_rolled_back_is_not_there);
	suite_add_tcase(s, c);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
