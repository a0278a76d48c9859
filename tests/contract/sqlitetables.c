#include "sqlitetables.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>

#include "store/audit.h"

static void found(void *arg, const char *what)
{
	(void)arg;
	fprintf(stderr, "# %s\n", what);
}

void sqlitetables_check(const char *directory)
{
	struct audit audit = { .found = found };
	char why[512] = "";

	ck_assert_msg(audit_state(directory, &audit, why, sizeof(why)) == STORE_OPEN_OK, "%s", why);
	ck_assert_uint_eq(audit.wrong, 0);
}

int64_t sqlitetables_number(const char *directory, const char *sql)
{
	char path[300];
	sqlite3_stmt *stmt;
	sqlite3 *h;
	int64_t n;

	snprintf(path, sizeof(path), "%s/jobd.db", directory);
	ck_assert_int_eq(sqlite3_open_v2(path, &h, SQLITE_OPEN_READONLY, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_prepare_v2(h, sql, -1, &stmt, NULL), SQLITE_OK);
	ck_assert_int_eq(sqlite3_step(stmt), SQLITE_ROW);
	n = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	sqlite3_close(h);
	return n;
}
