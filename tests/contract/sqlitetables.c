#include "sqlitetables.h"

#include <check.h>
#include <sqlite3.h>
#include <stdio.h>
#include <string.h>

/* Each must give no row: what it gives is wrong. States: 3 scheduled, 4 ready, 5 running, final from 6. */
static const char *const wrongs[] = {
	/* one spec a job, and nothing of a job that is gone */
	"SELECT id FROM job EXCEPT SELECT id FROM spec",
	"SELECT id FROM spec EXCEPT SELECT id FROM job",
	"SELECT id FROM result EXCEPT SELECT id FROM job",
	"SELECT job FROM attempt EXCEPT SELECT id FROM job",
	"SELECT job FROM output EXCEPT SELECT id FROM job",
	/* what a row says of the others */
	"SELECT id FROM job WHERE said EXCEPT SELECT id FROM result",
	"SELECT id FROM result EXCEPT SELECT id FROM job WHERE said",
	"SELECT id FROM job WHERE lane NOT IN (SELECT id FROM lane)",
	"SELECT a.job FROM attempt a JOIN job ON job.id = a.job WHERE a.number > job.attempt OR"
	" (a.number = job.attempt AND job.outcome >= 0)",
	/* the agenda, both ways */
	"SELECT 0, run_at, id FROM job WHERE state = 3 EXCEPT SELECT kind, at, job FROM agenda",
	"SELECT 1, expires_at, id FROM job WHERE state < 5 AND attempt = 0 AND expires_at > 0 EXCEPT"
	" SELECT kind, at, job FROM agenda",
	"SELECT 2, final_at + retain, id FROM job WHERE state > 5 AND retain >= 0 EXCEPT SELECT kind, at, job FROM agenda",
	"SELECT kind, at, job FROM agenda EXCEPT SELECT 0, run_at, id FROM job WHERE state = 3 EXCEPT"
	" SELECT 1, expires_at, id FROM job WHERE state < 5 AND attempt = 0 AND expires_at > 0 EXCEPT"
	" SELECT 2, final_at + retain, id FROM job WHERE state > 5 AND retain >= 0",
	/* unique keys, both ways; one active job a key */
	"SELECT unique_key, state < 6, id FROM job WHERE unique_key IS NOT NULL EXCEPT SELECT key, active, job FROM holder",
	"SELECT key, active, job FROM holder EXCEPT SELECT unique_key, state < 6, id FROM job WHERE unique_key IS NOT NULL",
	"SELECT key FROM holder WHERE active GROUP BY key HAVING count(*) > 1",
	/* tags, both ways */
	"SELECT e.key, e.value, spec.id FROM spec, json_each(spec.tags) e EXCEPT SELECT name, value, job FROM tag",
	"SELECT name, value, job FROM tag EXCEPT SELECT e.key, e.value, spec.id FROM spec, json_each(spec.tags) e",
	/* the kept counts */
	"SELECT id, scheduled, ready, running, succeeded, held + blocked, failed + cancelled + expired FROM lane"
	" EXCEPT SELECT lane.id, count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE state = 4),"
	" count(*) FILTER (WHERE state = 5), count(*) FILTER (WHERE state = 6), count(*) FILTER (WHERE state < 3),"
	" count(*) FILTER (WHERE state > 6) FROM lane LEFT JOIN job ON job.lane = lane.id GROUP BY lane.id",
	/* SQLite's own opinion */
	"SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'",
};

void sqlitetables_check(const char *directory)
{
	char path[300];
	int keep = 1;
	sqlite3 *h;

	snprintf(path, sizeof(path), "%s/jobd.db", directory);
	ck_assert_int_eq(sqlite3_open_v2(path, &h, SQLITE_OPEN_READWRITE, NULL), SQLITE_OK);
	/* Looking changes nothing: the log stays, and stays as it is. */
	sqlite3_db_config(h, SQLITE_DBCONFIG_NO_CKPT_ON_CLOSE, 1, NULL);
	sqlite3_file_control(h, "main", SQLITE_FCNTL_PERSIST_WAL, &keep);
	for (size_t i = 0; i < sizeof(wrongs) / sizeof(wrongs[0]); i++) {
		sqlite3_stmt *stmt;

		ck_assert_msg(sqlite3_prepare_v2(h, wrongs[i], -1, &stmt, NULL) == SQLITE_OK, "%s", sqlite3_errmsg(h));
		ck_assert_msg(sqlite3_step(stmt) == SQLITE_DONE, "not empty: %s: %s", wrongs[i],
			      (const char *)sqlite3_column_text(stmt, 0));
		sqlite3_finalize(stmt);
	}
	sqlite3_close(h);
}
