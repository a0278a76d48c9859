/* All of the database looked at: by SQLite's own check, and by what its tables say of each other. */
#include "store/audit.h"

#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "store/sqlite_check.h"
#include "store/sqlite_digest_keep.h"
#include "store/sqlite_digest_read.h"
#include "store/sqlite_file.h"

/* The tags of all jobs, a row for each 64 of them. */
#define AUDIT_TAGS \
	"SELECT e.key, e.value, spec.id / 64, sum(1 << spec.id % 64) FROM spec, json_each(spec.tags) e" \
	" GROUP BY e.key, e.value, spec.id / 64"

/* Each query gives what is wrong, and so should give nothing. States: 3 scheduled, 4 ready, 5 running, final from 6. */
static const struct {
	const char *what, *query;
} rules[] = {
	{ "a job without its spec",
	  "SELECT id FROM job EXCEPT SELECT id FROM spec" },
	{ "a spec without its job",
	  "SELECT id FROM spec EXCEPT SELECT id FROM job" },
	{ "a result without its job",
	  "SELECT id FROM result EXCEPT SELECT id FROM job" },
	{ "an attempt without its job",
	  "SELECT job FROM attempt EXCEPT SELECT id FROM job" },
	{ "output without its job",
	  "SELECT job FROM output EXCEPT SELECT id FROM job" },
	{ "a job whose result is missing",
	  "SELECT id FROM job WHERE said EXCEPT SELECT id FROM result" },
	{ "a result that its job does not know",
	  "SELECT id FROM result EXCEPT SELECT id FROM job WHERE said" },
	{ "a job of no queue",
	  "SELECT id FROM job WHERE lane NOT IN (SELECT id FROM lane)" },
	{ "an attempt that its job does not know",
	  "SELECT a.job FROM attempt a JOIN job ON job.id = a.job WHERE a.number > job.attempt OR"
	  " (a.number = job.attempt AND job.outcome >= 0)" },
	{ "a scheduled job without its time",
	  "SELECT 0, run_at, id FROM job WHERE state = 3 EXCEPT SELECT kind, at, job FROM agenda" },
	{ "a job without its expiry",
	  "SELECT 1, expires_at, id FROM job WHERE state < 5 AND attempt = 0 AND expires_at > 0 EXCEPT"
	  " SELECT kind, at, job FROM agenda" },
	{ "a final record that is not pruned",
	  "SELECT 2, final_at + retain, id FROM job WHERE state > 5 AND retain >= 0 AND dependents = 0 AND graph < 8 EXCEPT"
	  " SELECT kind, at, job FROM agenda" },
	{ "a job whose edges are forgotten",
	  "SELECT 3, 1, id FROM job WHERE graph >= 8 EXCEPT SELECT kind, at, job FROM agenda" },
	{ "args that are not filled in",
	  "SELECT 4, 1, id FROM job WHERE state = 2 AND pending = 0 AND graph & 4 EXCEPT SELECT kind, at, job FROM agenda" },
	{ "a time without its job",
	  "SELECT kind, at, job FROM agenda EXCEPT SELECT 0, run_at, id FROM job WHERE state = 3 EXCEPT"
	  " SELECT 1, expires_at, id FROM job WHERE state < 5 AND attempt = 0 AND expires_at > 0 EXCEPT"
	  " SELECT 2, final_at + retain, id FROM job WHERE state > 5 AND retain >= 0 AND dependents = 0 AND graph < 8 EXCEPT"
	  " SELECT 3, 1, id FROM job WHERE graph >= 8 EXCEPT"
	  " SELECT 4, 1, id FROM job WHERE state = 2 AND pending = 0 AND graph & 4" },
	{ "an edge from no job",
	  "SELECT parent FROM edge EXCEPT SELECT id FROM job" },
	{ "an edge to a final job",
	  "SELECT child FROM edge JOIN job ON job.id = child WHERE state > 5 AND graph < 16" },
	{ "an edge to a job that waits for none",
	  "SELECT child FROM edge EXCEPT SELECT id FROM job WHERE graph & 1" },
	{ "an edge that is there twice",
	  "SELECT parent, child FROM edge GROUP BY parent, child HAVING count(*) > 1" },
	{ "a wrong number of dependents",
	  "SELECT id, dependents FROM job EXCEPT SELECT job.id, count(edge.child) FROM job LEFT JOIN edge ON parent = job.id"
	  " GROUP BY job.id" },
	{ "a wrong number of jobs waited for",
	  "SELECT id, pending FROM job WHERE state < 6 EXCEPT SELECT job.id, count(edge.parent) FROM job LEFT JOIN edge"
	  " ON child = job.id AND met = 0 GROUP BY job.id" },
	{ "a job that waits, and is neither blocked nor held",
	  "SELECT id FROM job WHERE pending > 0 AND state > 2" },
	{ "an edge from a final job that is open",
	  "SELECT child FROM edge JOIN job ON job.id = parent WHERE met = 0 AND state > 5 AND graph & 8 = 0" },
	{ "a blocked job that waits for none",
	  "SELECT id FROM job WHERE state = 2 AND pending = 0 AND graph & 4 = 0" },
	{ "a job whose `after` is missing",
	  "SELECT id FROM job WHERE graph & 1 EXCEPT SELECT id FROM waits" },
	{ "an `after` of no job",
	  "SELECT id FROM waits EXCEPT SELECT id FROM job WHERE graph & 1" },
	{ "a job without its unique key",
	  "SELECT unique_key, state < 6, id FROM job WHERE unique_key IS NOT NULL EXCEPT SELECT key, active, job FROM holder" },
	{ "a unique key without its job",
	  "SELECT key, active, job FROM holder EXCEPT SELECT unique_key, state < 6, id FROM job WHERE unique_key IS NOT NULL" },
	{ "a unique key that two active jobs have",
	  "SELECT key FROM holder WHERE active GROUP BY key HAVING count(*) > 1" },
	{ "a schedule without its job",
	  "SELECT name FROM schedule EXCEPT SELECT schedule FROM template" },
	{ "a job of no schedule",
	  "SELECT schedule FROM template EXCEPT SELECT name FROM schedule" },
	{ "a tag that is not in the index",
	  AUDIT_TAGS " EXCEPT SELECT name, value, block, jobs FROM tag" },
	{ "a tag in the index that no job has",
	  "SELECT name, value, block, jobs FROM tag EXCEPT " AUDIT_TAGS },
	{ "counts that are not those of the jobs",
	  "SELECT id, scheduled, ready, running, succeeded, held + blocked, failed + cancelled + expired FROM lane"
	  " EXCEPT SELECT lane.id, count(*) FILTER (WHERE state = 3), count(*) FILTER (WHERE state = 4),"
	  " count(*) FILTER (WHERE state = 5), count(*) FILTER (WHERE state = 6), count(*) FILTER (WHERE state < 3),"
	  " count(*) FILTER (WHERE state > 6) FROM lane LEFT JOIN job ON job.lane = lane.id GROUP BY lane.id" },
	{ "a running job of no block",
	  "SELECT id / 64 FROM job WHERE state = 5 EXCEPT SELECT block FROM running" },
	{ "a job of a group or key without its flow",
	  "SELECT id FROM job WHERE state < 6 AND flow > 0 EXCEPT SELECT job.id FROM job JOIN flow ON flow.id = job.flow" },
	{ "counts of a flow that are not those of its jobs",
	  "SELECT id, unfinished, ready FROM flow EXCEPT SELECT flow.id, count(*) FILTER (WHERE state < 6),"
	  " count(*) FILTER (WHERE state = 4) FROM flow LEFT JOIN job ON job.flow = flow.id GROUP BY flow.id" },
};

/* ---- what is wrong ---- */

static void found(struct audit *a, const char *what)
{
	a->wrong++;
	a->found(a->arg, what);
}

/* The first of what breaks a rule, by its number or name, and how many more do. */
static int audit_rule(struct sqlite_db *db, struct audit *a, const char *what, const char *query)
{
	char sentence[200];
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->h, query, -1, &stmt, NULL), first = 0;
	int64_t more = 0;

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		first = snprintf(sentence, sizeof(sentence), "%s: %.100s", what, (const char *)sqlite3_column_text(stmt, 0));
	while (rc == SQLITE_ROW && (rc = sqlite3_step(stmt)) == SQLITE_ROW)
		more++;
	sqlite3_finalize(stmt);
	if (first > 0 && more > 0)
		snprintf(sentence + first, sizeof(sentence) - (size_t)first, " and %lld more", (long long)more);
	if (first > 0)
		found(a, sentence);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* SQLite's own opinion: pages, rows, indexes. */
static int audit_pages(struct sqlite_db *db, struct audit *a)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->h, "SELECT * FROM pragma_integrity_check WHERE integrity_check <> 'ok'", -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		rc = sqlite3_step(stmt);
		if (rc == SQLITE_ROW)
			found(a, (const char *)sqlite3_column_text(stmt, 0));
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* Are the two of the same jobs? */
static bool audit_alike(const struct digest_copy *a, const struct digest_copy *b)
{
	for (int i = 0; i < DIGEST_IDS; i++)
		if (a->what[i] != b->what[i] || (a->what[i] != JOB_NONE && (a->lane[i] != b->lane[i] || a->flow[i] != b->flow[i])))
			return false;
	return true;
}

/* The digests that are kept, beside what the jobs themselves say. */
static int audit_digests(struct sqlite_db *db, struct audit *a)
{
	struct digest_copy *copies = calloc(2, sizeof(*copies));
	sqlite3_stmt *stmt = NULL;
	int rc = copies != NULL ? sqlite3_prepare_v2(db->h, "SELECT number FROM digest", -1, &stmt, NULL) : SQLITE_NOMEM;
	char sentence[100];

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		int64_t number;

		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		number = sqlite3_column_int64(stmt, 0);
		if (sqlite_digest_kept(db, number, &copies[0]) && sqlite_digest_make(db, number, true, &copies[1]) &&
		    audit_alike(&copies[0], &copies[1]))
			continue;
		snprintf(sentence, sizeof(sentence), "a digest that is not that of its jobs: %lld", (long long)number);
		found(a, sentence);
	}
	sqlite3_finalize(stmt);
	free(copies);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* ---- what is in it ---- */

static int audit_number(struct sqlite_db *db, const char *query, int64_t *out)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->h, query, -1, &stmt, NULL);

	if (rc == SQLITE_OK)
		rc = sqlite3_step(stmt);
	if (rc == SQLITE_ROW)
		*out = sqlite3_column_int64(stmt, 0);
	sqlite3_finalize(stmt);
	return rc == SQLITE_ROW ? SQLITE_OK : rc;
}

static int audit_jobs(struct sqlite_db *db, struct audit *a)
{
	sqlite3_stmt *stmt = NULL;
	int rc = sqlite3_prepare_v2(db->h, "SELECT state, count(*) FROM job GROUP BY state", -1, &stmt, NULL);

	while (rc == SQLITE_OK || rc == SQLITE_ROW) {
		int state;

		rc = sqlite3_step(stmt);
		if (rc != SQLITE_ROW)
			break;
		state = sqlite3_column_int(stmt, 0);
		if (state > JOB_NONE && state < JOB_STATES)
			a->jobs[state] = sqlite3_column_int64(stmt, 1);
		else
			found(a, "jobs in a state that there is not");
	}
	sqlite3_finalize(stmt);
	return rc == SQLITE_DONE ? SQLITE_OK : rc;
}

/* An older file has other tables: until a start has brought them up to date, its pages are all that can be looked at. */
static int audit_tables(struct sqlite_db *db, struct audit *a)
{
	int rc = audit_pages(db, a);

	if (rc != SQLITE_OK || a->version != a->version_now)
		return rc;
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && rc == SQLITE_OK; i++)
		rc = audit_rule(db, a, rules[i].what, rules[i].query);
	if (rc == SQLITE_OK)
		rc = audit_digests(db, a);
	if (rc == SQLITE_OK)
		rc = audit_jobs(db, a);
	if (rc == SQLITE_OK)
		rc = audit_number(db, "SELECT count(*) FROM (SELECT queue FROM lane UNION SELECT name FROM queue)", &a->queues);
	if (rc == SQLITE_OK)
		rc = audit_number(db, "SELECT count(*) FROM schedule", &a->schedules);
	if (rc == SQLITE_OK)
		rc = audit_number(db, "SELECT count(*) FROM edge", &a->edges);
	return rc == SQLITE_OK ? audit_number(db, "SELECT coalesce(sum(length(data)), 0) FROM output", &a->outputs) : rc;
}

/* ---- the whole ---- */

static int64_t file_bytes(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0 ? (int64_t)st.st_size : 0;
}

static enum store_open_result audit_file(const char *path, struct audit *a, char *why, size_t why_size)
{
	enum store_open_result rc = sqlite_check(path, why, why_size);
	char wal[PATH_MAX + 24];
	int64_t version = 0;
	struct sqlite_db db;
	int failed;

	if (rc != STORE_OPEN_OK)
		return rc;
	snprintf(wal, sizeof(wal), "%s-wal", path);
	a->bytes = file_bytes(path) + file_bytes(wal);
	if (sqlite_check_open(&db, path) != 0) {
		snprintf(why, why_size, "%s: %s", path, db.why);
		return STORE_OPEN_FAILED;
	}
	failed = audit_number(&db, "PRAGMA user_version", &version);
	a->version = (int)version;
	a->version_now = SQLITE_VERSION_NOW;
	if (failed == SQLITE_OK)
		failed = audit_tables(&db, a);
	if (failed != SQLITE_OK)
		rc = sqlite_check_failed(&db, failed, path, why, why_size);
	sqlite_db_close(&db);
	return rc;
}

enum store_open_result audit_state(const char *directory, struct audit *a, char *why, size_t why_size)
{
	enum store_open_result rc;
	char path[PATH_MAX + 16];
	int lock;

	snprintf(path, sizeof(path), "%s/jobd.db", directory);
	if (access(path, F_OK) != 0) {
		snprintf(why, why_size, "%s: there is no state", path);
		return STORE_OPEN_FAILED;
	}
	rc = sqlite_file_lock(directory, &lock, why, why_size);
	if (rc != STORE_OPEN_OK)
		return rc;
	rc = audit_file(path, a, why, why_size);
	close(lock);
	return rc;
}
