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
	"SELECT 2, final_at + retain, id FROM job WHERE state > 5 AND retain >= 0 AND dependents = 0 AND graph < 8 EXCEPT"
	" SELECT kind, at, job FROM agenda",
	"SELECT 3, 1, id FROM job WHERE graph >= 8 EXCEPT SELECT kind, at, job FROM agenda",
	"SELECT 4, 1, id FROM job WHERE state = 2 AND pending = 0 AND graph & 4 EXCEPT SELECT kind, at, job FROM agenda",
	"SELECT kind, at, job FROM agenda EXCEPT SELECT 0, run_at, id FROM job WHERE state = 3 EXCEPT"
	" SELECT 1, expires_at, id FROM job WHERE state < 5 AND attempt = 0 AND expires_at > 0 EXCEPT"
	" SELECT 2, final_at + retain, id FROM job WHERE state > 5 AND retain >= 0 AND dependents = 0 AND graph < 8 EXCEPT"
	" SELECT 3, 1, id FROM job WHERE graph >= 8 EXCEPT"
	" SELECT 4, 1, id FROM job WHERE state = 2 AND pending = 0 AND graph & 4",
	/* edges: of jobs that are there, and of no job that is final and through with them */
	"SELECT parent FROM edge EXCEPT SELECT id FROM job",
	"SELECT child FROM edge JOIN job ON job.id = child WHERE state > 5 AND graph < 16",
	"SELECT child FROM edge EXCEPT SELECT id FROM job WHERE graph & 1",
	"SELECT parent, child FROM edge GROUP BY parent, child HAVING count(*) > 1",
	"SELECT id, dependents FROM job EXCEPT SELECT job.id, count(edge.child) FROM job LEFT JOIN edge ON parent = job.id"
	" GROUP BY job.id",
	"SELECT id, pending FROM job WHERE state < 6 EXCEPT SELECT job.id, count(edge.parent) FROM job LEFT JOIN edge"
	" ON child = job.id AND met = 0 GROUP BY job.id",
	/* what waits is blocked or held; what is through with its parents' ends has no open edge to a final one */
	"SELECT id FROM job WHERE pending > 0 AND state > 2",
	"SELECT child FROM edge JOIN job ON job.id = parent WHERE met = 0 AND state > 5 AND graph & 8 = 0",
	"SELECT id FROM job WHERE state = 2 AND pending = 0 AND graph & 4 = 0",
	"SELECT id FROM job WHERE graph & 1 EXCEPT SELECT id FROM waits",
	"SELECT id FROM waits EXCEPT SELECT id FROM job WHERE graph & 1",
	/* unique keys, both ways; one active job a key */
	"SELECT unique_key, state < 6, id FROM job WHERE unique_key IS NOT NULL EXCEPT SELECT key, active, job FROM holder",
	"SELECT key, active, job FROM holder EXCEPT SELECT unique_key, state < 6, id FROM job WHERE unique_key IS NOT NULL",
	"SELECT key FROM holder WHERE active GROUP BY key HAVING count(*) > 1",
	/* a template a schedule */
	"SELECT name FROM schedule EXCEPT SELECT schedule FROM template",
	"SELECT schedule FROM template EXCEPT SELECT name FROM schedule",
	/* tags, both ways */
	"SELECT e.key, e.value, spec.id FROM spec, json_each(spec.tags) e EXCEPT SELECT name, value, job FROM tag",
	"SELECT name, value, job FROM tag EXCEPT SELECT e.key, e.value, spec.id FROM spec, json_each(spec.tags) e",
	/* the kept counts */
	"SELECT id, scheduled, ready, running, succeeded, held + blocked, failed + cancelled + expired FROM lane"
	" EXCEPT SELECT lane.id, count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE state = 4),"
	" count(*) FILTER (WHERE state = 5), count(*) FILTER (WHERE state = 6), count(*) FILTER (WHERE state < 3),"
	" count(*) FILTER (WHERE state > 6) FROM lane LEFT JOIN job ON job.lane = lane.id GROUP BY lane.id",
	/* blocks: never too few (too many they may be, for a while) */
	"SELECT lane, id / 64 FROM job UNION SELECT -state, id / 64 FROM job EXCEPT SELECT key, number FROM block",
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
