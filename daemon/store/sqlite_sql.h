/*
 * sqlite_sql: every SQL text of the SQLite back end.
 *
 * job is small and hot: what changes in a job's life, and what is searched.
 * spec is written once. result is there only where there is something to say.
 * attempt holds ended attempts that were followed by another: the latest one's
 * entry is made of job and result, so that a first success writes none.
 * lane interns (queue, type) and keeps the counts. running says in which blocks of 64 ids jobs may run (sqlite_running.h);
 * tag has a row for each such block that has jobs of a tag: a bit for each job. digest holds what filters ask of jobs,
 * 4096 in a row, where it has not changed for a while (sqlite_digest_keep.h).
 *
 * An index costs every job of every life a look, partial or not. So only what
 * most jobs need is an index of job; what few need (a time to fall due, to
 * expire, to be pruned at; a unique key) are rows in tables of their own,
 * agenda and holder, kept by sqlite_job.c; request has the answers that submits
 * with a request_id were given. edge (sqlite_edge.c) holds who waits for whom
 * while the child is not final, waits what a job's `after` said. State numbers are enum job_state:
 * 3 scheduled, 4 ready, 5 running, 6 succeeded, final from 6.
 */
#ifndef JOBD_SQLITE_SQL_H
#define JOBD_SQLITE_SQL_H

#define SQLITE_APPLICATION_ID 0x6a6f6264	/* "jobd" */

/* One entry a version: what makes it of the one before. user_version is the number of entries carried out. */
static const char *const sqlite_migrations[] = {
	"CREATE TABLE lane(id INTEGER PRIMARY KEY, queue TEXT NOT NULL, type TEXT NOT NULL,"
	" held INTEGER NOT NULL, blocked INTEGER NOT NULL, scheduled INTEGER NOT NULL, ready INTEGER NOT NULL,"
	" running INTEGER NOT NULL, succeeded INTEGER NOT NULL, failed INTEGER NOT NULL, cancelled INTEGER NOT NULL,"
	" expired INTEGER NOT NULL);"
	"CREATE TABLE job(id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, state INTEGER NOT NULL, priority INTEGER NOT NULL,"
	" attempt INTEGER NOT NULL, excused INTEGER NOT NULL, interruptions INTEGER NOT NULL, outcome INTEGER NOT NULL,"
	" said INTEGER NOT NULL, once INTEGER NOT NULL, retain INTEGER NOT NULL, submitted_at INTEGER NOT NULL,"
	" run_at INTEGER NOT NULL, expires_at INTEGER NOT NULL, started_at INTEGER NOT NULL, finished_at INTEGER NOT NULL,"
	" cancel_requested_at INTEGER NOT NULL, final_at INTEGER NOT NULL, place TEXT, unique_key TEXT);"
	"CREATE INDEX job_ready ON job(lane, priority DESC) WHERE state = 4;"
	"CREATE INDEX job_aside ON job(state) WHERE state <> 3 AND state <> 4 AND state <> 6;"
	"CREATE INDEX job_final ON job(final_at) WHERE state > 5 AND retain < 0;"
	"CREATE TABLE agenda(kind INTEGER NOT NULL, at INTEGER NOT NULL, job INTEGER NOT NULL, PRIMARY KEY(kind, at, job))"
	" WITHOUT ROWID;"
	"CREATE TABLE holder(key TEXT NOT NULL, active INTEGER NOT NULL, job INTEGER NOT NULL, PRIMARY KEY(key, active, job))"
	" WITHOUT ROWID;"
	"CREATE TABLE spec(id INTEGER PRIMARY KEY, timeout INTEGER NOT NULL, max_attempts INTEGER NOT NULL,"
	" backoff INTEGER NOT NULL, base INTEGER NOT NULL, cap INTEGER NOT NULL, jitter REAL NOT NULL, tags TEXT, meta TEXT,"
	" args TEXT);"
	"CREATE TABLE result(id INTEGER PRIMARY KEY, reason TEXT, message TEXT, progress TEXT, stdout INTEGER NOT NULL,"
	" stderr INTEGER NOT NULL, result TEXT);"
	"CREATE TABLE attempt(job INTEGER NOT NULL, number INTEGER NOT NULL, started_at INTEGER NOT NULL,"
	" finished_at INTEGER NOT NULL, outcome INTEGER NOT NULL, reason TEXT, message TEXT, place TEXT,"
	" stdout INTEGER NOT NULL, stderr INTEGER NOT NULL, PRIMARY KEY(job, number)) WITHOUT ROWID;"
	"CREATE TABLE output(job INTEGER NOT NULL, attempt INTEGER NOT NULL, stream INTEGER NOT NULL, offset INTEGER NOT NULL,"
	" data BLOB NOT NULL, PRIMARY KEY(job, attempt, stream, offset)) WITHOUT ROWID;"
	"CREATE TABLE tag(name TEXT NOT NULL, value TEXT NOT NULL, job INTEGER NOT NULL, PRIMARY KEY(name, value, job))"
	" WITHOUT ROWID;"
	"CREATE TABLE queue(name TEXT PRIMARY KEY, paused INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE TABLE counter(name TEXT PRIMARY KEY, value INTEGER NOT NULL) WITHOUT ROWID;",
	"CREATE TABLE request(id TEXT PRIMARY KEY, until INTEGER NOT NULL, job INTEGER NOT NULL, state INTEGER NOT NULL,"
	" existing INTEGER NOT NULL) WITHOUT ROWID;"
	"CREATE INDEX request_until ON request(until);",
	/* what is set of a queue (0: nothing), and the tokens of its rate */
	"ALTER TABLE queue ADD COLUMN concurrency INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE queue ADD COLUMN per_second REAL NOT NULL DEFAULT 0;"
	"ALTER TABLE queue ADD COLUMN burst INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE queue ADD COLUMN weight INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE queue ADD COLUMN max_ready INTEGER NOT NULL DEFAULT 0;"
	"CREATE TABLE bucket(queue TEXT PRIMARY KEY, level REAL NOT NULL, at INTEGER NOT NULL) WITHOUT ROWID;",
	/* who waits for whom */
	"ALTER TABLE job ADD COLUMN pending INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN dependents INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE job ADD COLUMN graph INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX job_final;"
	"CREATE INDEX job_final ON job(final_at) WHERE state > 5 AND retain < 0 AND dependents = 0 AND graph < 8;"
	"CREATE TABLE edge(parent INTEGER NOT NULL, met INTEGER NOT NULL, child INTEGER NOT NULL,"
	" PRIMARY KEY(parent, met, child)) WITHOUT ROWID;"
	"CREATE INDEX edge_child ON edge(child);"
	"CREATE TABLE waits(id INTEGER PRIMARY KEY, after_ids TEXT NOT NULL);",
	"CREATE TABLE block(key INTEGER NOT NULL, number INTEGER NOT NULL, PRIMARY KEY(key, number)) WITHOUT ROWID;"
	"INSERT INTO block SELECT lane, id / 256 FROM job UNION SELECT -state, id / 256 FROM job;",
	/* what fires when; what it then submits, apart: a firing writes little */
	"CREATE TABLE schedule(name TEXT PRIMARY KEY, cron TEXT, every INTEGER NOT NULL, timezone TEXT NOT NULL,"
	" overlap INTEGER NOT NULL, catch_up INTEGER NOT NULL, paused INTEGER NOT NULL, jitter INTEGER NOT NULL,"
	" version INTEGER NOT NULL, since INTEGER NOT NULL, next INTEGER NOT NULL, waiting INTEGER NOT NULL,"
	" last_fired_at INTEGER NOT NULL, last_job INTEGER NOT NULL, skipped INTEGER NOT NULL, skipped_at INTEGER NOT NULL,"
	" error TEXT) WITHOUT ROWID;"
	"CREATE TABLE template(schedule TEXT PRIMARY KEY, job TEXT NOT NULL);"
	"ALTER TABLE spec ADD COLUMN schedule TEXT;"
	"ALTER TABLE spec ADD COLUMN scheduled_for INTEGER NOT NULL DEFAULT 0;",
	/* flows: what jobs with a group or a concurrency key are part of while they are not final; 0: none */
	"CREATE TABLE flow(id INTEGER PRIMARY KEY, lane INTEGER NOT NULL, grp TEXT, key TEXT, \"limit\" INTEGER NOT NULL,"
	" unfinished INTEGER NOT NULL, ready INTEGER NOT NULL);"
	"ALTER TABLE job ADD COLUMN flow INTEGER NOT NULL DEFAULT 0;"
	"ALTER TABLE spec ADD COLUMN grp TEXT;"
	"ALTER TABLE spec ADD COLUMN key TEXT;"
	"ALTER TABLE spec ADD COLUMN \"limit\" INTEGER NOT NULL DEFAULT 0;"
	"DROP INDEX job_ready;"
	"CREATE INDEX job_ready ON job(lane, flow, priority DESC) WHERE state = 4;",
	/* blocks are smaller now */
	"DELETE FROM block;"
	"INSERT INTO block SELECT lane, id / 64 FROM job UNION SELECT -state, id / 64 FROM job;",
	/* the blocks say where jobs run */
	"DROP INDEX job_aside;",
	/* what filters ask of all jobs is in digests; of tags there is a row a block, and no more a row a job */
	"CREATE TABLE running(block INTEGER PRIMARY KEY);"
	"INSERT INTO running SELECT number FROM block WHERE key = -5;"
	"DROP TABLE block;"
	"ALTER TABLE tag RENAME TO tag_each;"
	"CREATE TABLE tag(name TEXT NOT NULL, value TEXT NOT NULL, block INTEGER NOT NULL, jobs INTEGER NOT NULL,"
	" PRIMARY KEY(name, value, block)) WITHOUT ROWID;"
	"INSERT INTO tag SELECT name, value, job / 64, sum(1 << job % 64) FROM tag_each GROUP BY name, value, job / 64;"
	"DROP TABLE tag_each;"
	"CREATE TABLE digest(number INTEGER PRIMARY KEY, jobs BLOB NOT NULL);",
	"CREATE INDEX flow_key ON flow(key) WHERE key IS NOT NULL;",
};

enum { SQLITE_VERSION_NOW = sizeof(sqlite_migrations) / sizeof(sqlite_migrations[0]) };

/* The order that sqlite_job_columns reads. */
#define SQLITE_JOB_COLUMNS \
	"job.id, lane, state, priority, attempt, excused, interruptions, outcome, said, once, retain, submitted_at, run_at," \
	" expires_at, started_at, finished_at, cancel_requested_at, final_at, place, unique_key, pending, dependents, graph, flow"

#define SQLITE_SCHEDULE_COLUMNS \
	"SELECT name, cron, every, timezone, overlap, catch_up, paused, jitter, version, since, next, waiting, last_fired_at," \
	" last_job, skipped, skipped_at, error"

#define SQLITE_QUEUE_COLUMNS "SELECT name, paused, concurrency, per_second, burst, weight, max_ready"

#define SQLITE_OUTPUT_KEPT(stream) \
	"coalesce((SELECT offset + length(data) FROM output WHERE job = ?1 AND attempt = ?4 AND stream = " stream \
	" ORDER BY offset DESC LIMIT 1), 0)"

/* The running jobs, by the blocks in which there may be some. (The + keeps an index from being made for them each time.) */
#define SQLITE_RUNNING \
	" FROM running CROSS JOIN job ON id BETWEEN block * 64 AND block * 64 + 63 WHERE block >= 0 AND +state = 5"

#define SQLITE_STATEMENTS(X) \
	X(SQL_BEGIN, "BEGIN IMMEDIATE") \
	X(SQL_COMMIT, "COMMIT") \
	X(SQL_SAVEPOINT, "SAVEPOINT part") \
	X(SQL_SAVEPOINT_UNDO, "ROLLBACK TO part") \
	X(SQL_SAVEPOINT_END, "RELEASE part") \
	X(SQL_SNAPSHOT, "BEGIN") \
	X(SQL_PAGE_COUNT, "PRAGMA page_count") \
	X(SQL_PAGE_SIZE, "PRAGMA page_size") \
	/* job */ \
	X(SQL_JOB_INSERT, "INSERT INTO job VALUES(?1,?2,?3,?4,0,0,0,-1,0,?5,?6,?7,?8,?9,0,0,0,?11,NULL,?10,?12,0,?13,?14)") \
	X(SQL_JOB_GET, "SELECT " SQLITE_JOB_COLUMNS " FROM job WHERE id = ?1") \
	X(SQL_JOB_SAVE, \
	  "UPDATE job SET state=?2, attempt=?3, excused=?4, interruptions=?5, outcome=?6, said=?7, run_at=?8, expires_at=?9," \
	  " started_at=?10, finished_at=?11, cancel_requested_at=?12, final_at=?13, place=?14, pending=?15, dependents=?16," \
	  " graph=?17, flow=?18 WHERE id = ?1") \
	X(SQL_JOB_MOVE, "UPDATE job SET lane=?2, priority=?3 WHERE id = ?1") \
	X(SQL_JOB_DELETE, "DELETE FROM job WHERE id = ?1") \
	X(SQL_JOB_LAST, "SELECT max(id) FROM job") \
	X(SQL_HOLDER_PUT, "INSERT INTO holder VALUES(?1,?2,?3)") \
	X(SQL_HOLDER_DELETE, "DELETE FROM holder WHERE key = ?1 AND active = ?2 AND job = ?3") \
	X(SQL_HOLDER_GET, "SELECT job FROM holder WHERE key = ?1 AND active = ?2 ORDER BY job DESC LIMIT 1") \
	X(SQL_REQUEST_PUT, "INSERT OR REPLACE INTO request VALUES(?1,?2,?3,?4,?5)") \
	X(SQL_REQUEST_GET, "SELECT until, job, state, existing FROM request WHERE id = ?1") \
	X(SQL_REQUEST_PRUNE, \
	  "DELETE FROM request WHERE id IN (SELECT id FROM request WHERE until <= ?1 ORDER BY until LIMIT ?2)") \
	X(SQL_READY_SAME, \
	  "SELECT " SQLITE_JOB_COLUMNS " FROM job WHERE state = 4 AND lane = ?1 AND flow = ?2 AND priority = ?3 AND id > ?4" \
	  " ORDER BY id LIMIT ?5") \
	X(SQL_READY_BELOW, \
	  "SELECT " SQLITE_JOB_COLUMNS " FROM job WHERE state = 4 AND lane = ?1 AND flow = ?2 AND priority < ?3" \
	  " ORDER BY priority DESC, id LIMIT ?4") \
	X(SQL_READY_FIRST, \
	  "SELECT priority, id FROM job WHERE state = 4 AND lane = ?1 AND flow = ?2 ORDER BY priority DESC, id LIMIT 1") \
	X(SQL_READY_FLOWS, "SELECT 1 FROM job WHERE state = 4 AND lane = ?1 AND flow > 0 LIMIT 1") \
	X(SQL_READY_AHEAD, \
	  "SELECT count(*) FROM job WHERE state = 4 AND lane = ?1 AND (priority > ?2 OR (priority = ?2 AND id < ?3))") \
	X(SQL_AGENDA_PUT, "INSERT INTO agenda VALUES(?1,?2,?3)") \
	X(SQL_AGENDA_DELETE, "DELETE FROM agenda WHERE kind = ?1 AND at = ?2 AND job = ?3") \
	X(SQL_AGENDA_DUE, "SELECT job FROM agenda WHERE at <= ?1 AND kind = ?3 ORDER BY at, job LIMIT ?2") \
	X(SQL_AGENDA_NEXT, "SELECT at FROM agenda WHERE kind = ?1 ORDER BY at LIMIT 1") \
	X(SQL_RUNNING, "SELECT id" SQLITE_RUNNING " ORDER BY block, id LIMIT ?1") \
	X(SQL_FINAL, \
	  "SELECT id FROM job WHERE state > 5 AND retain < 0 AND dependents = 0 AND graph < 8 AND final_at <= ?1" \
	  " ORDER BY final_at LIMIT ?2") \
	X(SQL_FINAL_NEXT, \
	  "SELECT final_at FROM job WHERE state > 5 AND retain < 0 AND dependents = 0 AND graph < 8 ORDER BY final_at LIMIT 1") \
	/* what belongs to a job */ \
	X(SQL_SPEC_INSERT, "INSERT INTO spec VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15)") \
	X(SQL_SPEC_GET, \
	  "SELECT timeout, max_attempts, backoff, base, cap, jitter, tags, meta, args, schedule, scheduled_for, grp," \
	  " key, \"limit\" FROM spec WHERE id = ?1") \
	X(SQL_SPEC_BRIEF, \
	  "SELECT timeout, max_attempts, backoff, base, cap, jitter, tags, NULL, NULL, schedule, scheduled_for, grp," \
	  " key, \"limit\" FROM spec WHERE id = ?1") \
	X(SQL_SPEC_TAGS, "UPDATE spec SET tags=?2 WHERE id = ?1") \
	X(SQL_SPEC_DELETE, "DELETE FROM spec WHERE id = ?1") \
	X(SQL_RESULT_PUT, "INSERT OR REPLACE INTO result VALUES(?1,?2,?3,?4,?5,?6,?7)") \
	X(SQL_RESULT_ERROR, \
	  "INSERT INTO result VALUES(?1,?2,?3,NULL," SQLITE_OUTPUT_KEPT("0") "," SQLITE_OUTPUT_KEPT("1") ",NULL)" \
	  " ON CONFLICT(id) DO UPDATE SET reason = excluded.reason, message = excluded.message") \
	X(SQL_RESULT_GET, "SELECT reason, message, progress, stdout, stderr, result FROM result WHERE id = ?1") \
	X(SQL_RESULT_BRIEF, "SELECT reason, message, progress, stdout, stderr, NULL FROM result WHERE id = ?1") \
	X(SQL_RESULT_DELETE, "DELETE FROM result WHERE id = ?1") \
	X(SQL_ATTEMPT_PUT, \
	  "INSERT OR REPLACE INTO attempt VALUES(?1,?2,?3,?4,?5,(SELECT reason FROM result WHERE id = ?1)," \
	  " (SELECT message FROM result WHERE id = ?1),?6,coalesce((SELECT stdout FROM result WHERE id = ?1), 0)," \
	  " coalesce((SELECT stderr FROM result WHERE id = ?1), 0))") \
	X(SQL_ATTEMPT_TRIM, "DELETE FROM attempt WHERE job = ?1 AND number <= ?2") \
	X(SQL_ATTEMPT_ALL, \
	  "SELECT number, started_at, finished_at, outcome, reason, message, place, stdout, stderr FROM attempt WHERE job = ?1" \
	  " ORDER BY number") \
	X(SQL_OUTPUT_PUT, "INSERT INTO output VALUES(?1,?2,?3,?4,?5)") \
	X(SQL_OUTPUT_LAST, \
	  "SELECT offset + length(data) FROM output WHERE job = ?1 AND attempt = ?2 AND stream = ?3" \
	  " ORDER BY offset DESC LIMIT 1") \
	X(SQL_OUTPUT_FROM, \
	  "SELECT offset, data FROM output WHERE job = ?1 AND attempt = ?2 AND stream = ?3 AND offset >=" \
	  " coalesce((SELECT max(offset) FROM output WHERE job = ?1 AND attempt = ?2 AND stream = ?3 AND offset <= ?4), 0)" \
	  " ORDER BY offset") \
	X(SQL_OUTPUT_CLEAR, "DELETE FROM output WHERE job = ?1 AND attempt = ?2 AND stream = ?3") \
	X(SQL_OUTPUT_TRIM, "DELETE FROM output WHERE job = ?1 AND attempt <= ?2") \
	X(SQL_TAG_PUT, \
	  "INSERT INTO tag VALUES(?1,?2,?3,?4) ON CONFLICT(name, value, block) DO UPDATE SET jobs = jobs | excluded.jobs") \
	X(SQL_TAG_DROP, "UPDATE tag SET jobs = jobs & ~?4 WHERE name = ?1 AND value = ?2 AND block = ?3") \
	X(SQL_TAG_DELETE, "DELETE FROM tag WHERE name = ?1 AND value = ?2 AND block = ?3 AND jobs = 0") \
	/* graphs */ \
	X(SQL_EDGE_PUT, "INSERT INTO edge VALUES(?1,?2,?3)") \
	X(SQL_EDGE_SET, "UPDATE edge SET met = ?3 WHERE parent = ?1 AND met = ?2 AND child = ?4") \
	X(SQL_EDGE_DELETE, "DELETE FROM edge WHERE parent = ?1 AND met = ?2 AND child = ?3") \
	X(SQL_EDGE_DOWN, "SELECT child, met FROM edge WHERE parent = ?1 AND met = ?2 ORDER BY child LIMIT ?3") \
	X(SQL_EDGE_BLOCKERS, "SELECT parent FROM edge WHERE child = ?1 AND met = 0 ORDER BY parent LIMIT ?2") \
	X(SQL_EDGE_UP, "SELECT parent, met FROM edge WHERE child = ?1 LIMIT ?2") \
	X(SQL_WAITS_PUT, "INSERT INTO waits VALUES(?1,?2)") \
	X(SQL_WAITS_GET, "SELECT after_ids FROM waits WHERE id = ?1") \
	X(SQL_WAITS_DELETE, "DELETE FROM waits WHERE id = ?1") \
	X(SQL_FILL_NEXT, "SELECT job FROM agenda WHERE kind = 4 ORDER BY at, job LIMIT ?1") \
	X(SQL_SPEC_ARGS, "UPDATE spec SET args = ?2 WHERE id = ?1") \
	/* schedules */ \
	X(SQL_SCHEDULE_PUT, "INSERT OR REPLACE INTO schedule VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12,?13,?14,?15,?16,?17)") \
	X(SQL_SCHEDULE_SAVE, \
	  "UPDATE schedule SET since=?2, next=?3, waiting=?4, last_fired_at=?5, last_job=?6, skipped=?7, skipped_at=?8," \
	  " error=?9 WHERE name = ?1") \
	X(SQL_SCHEDULE_DELETE, "DELETE FROM schedule WHERE name = ?1") \
	X(SQL_SCHEDULE_GET, SQLITE_SCHEDULE_COLUMNS " FROM schedule WHERE name = ?1") \
	X(SQL_SCHEDULE_ALL, SQLITE_SCHEDULE_COLUMNS " FROM schedule") \
	X(SQL_SCHEDULE_FULL, SQLITE_SCHEDULE_COLUMNS ", job FROM schedule JOIN template ON schedule = name WHERE name = ?1") \
	X(SQL_SCHEDULE_LIST, \
	  SQLITE_SCHEDULE_COLUMNS ", job FROM schedule CROSS JOIN template ON schedule = name WHERE name > ?1" \
	  " ORDER BY name LIMIT ?2") \
	X(SQL_TEMPLATE_PUT, "INSERT OR REPLACE INTO template VALUES(?1,?2)") \
	X(SQL_TEMPLATE_DELETE, "DELETE FROM template WHERE schedule = ?1") \
	/* kept figures */ \
	X(SQL_LANE_SAVE, \
	  "UPDATE lane SET held=?2, blocked=?3, scheduled=?4, ready=?5, running=?6, succeeded=?7, failed=?8, cancelled=?9," \
	  " expired=?10 WHERE id = ?1") \
	X(SQL_LANE_PUT, "INSERT INTO lane VALUES(?1,?2,?3,?4,?5,?6,?7,?8,?9,?10,?11,?12)") \
	X(SQL_LANE_ALL, \
	  "SELECT id, queue, type, held, blocked, scheduled, ready, running, succeeded, failed, cancelled, expired FROM lane") \
	X(SQL_LANE_GET, \
	  "SELECT id, queue, type, held, blocked, scheduled, ready, running, succeeded, failed, cancelled, expired FROM lane" \
	  " WHERE id = ?1") \
	X(SQL_LANE_BEHIND, \
	  "SELECT id, queue, type, held, blocked, scheduled, ready, running, succeeded, failed, cancelled, expired FROM lane" \
	  " WHERE id > ?1 ORDER BY id") \
	X(SQL_LANE_TRIM, \
	  "DELETE FROM lane WHERE held + blocked + scheduled + ready + running + succeeded + failed + cancelled + expired = 0") \
	X(SQL_FLOW_SAVE, "UPDATE flow SET unfinished=?2, ready=?3 WHERE id = ?1") \
	X(SQL_FLOW_PUT, "INSERT INTO flow VALUES(?1,?2,?3,?4,?5,?6,?7)") \
	X(SQL_FLOW_GET, "SELECT key, \"limit\" FROM flow WHERE id = ?1") \
	X(SQL_FLOW_READY, "SELECT lane, \"limit\", ready, id FROM flow WHERE key = ?1 AND ready > 0") \
	X(SQL_FLOW_DELETE, "DELETE FROM flow WHERE id = ?1") \
	X(SQL_FLOW_ALL, "SELECT id, lane, grp, key, \"limit\", unfinished, ready FROM flow") \
	X(SQL_FLOWS_RUNNING, "SELECT flow" SQLITE_RUNNING " AND flow <> 0") \
	X(SQL_QUEUE_PUT, "INSERT OR REPLACE INTO queue VALUES(?1,?2,?3,?4,?5,?6,?7)") \
	X(SQL_QUEUE_GET, SQLITE_QUEUE_COLUMNS " FROM queue WHERE name = ?1") \
	X(SQL_QUEUE_ALL, SQLITE_QUEUE_COLUMNS ", level, at FROM queue LEFT JOIN bucket ON queue = name ORDER BY name") \
	X(SQL_QUEUE_MAKE, "INSERT OR IGNORE INTO queue(name, paused) VALUES(?1,0)") \
	X(SQL_BUCKET_PUT, "INSERT OR REPLACE INTO bucket VALUES(?1,?2,?3)") \
	X(SQL_BUCKET_GET, "SELECT level, at FROM bucket WHERE queue = ?1") \
	X(SQL_COUNTER_PUT, "INSERT OR REPLACE INTO counter VALUES(?1,?2)") \
	X(SQL_COUNTER_GET, "SELECT value FROM counter WHERE name = ?1") \
	X(SQL_DIGEST_PUT, "INSERT OR REPLACE INTO digest VALUES(?1,?2)") \
	X(SQL_DIGEST_DELETE, "DELETE FROM digest WHERE number = ?1") \
	X(SQL_DIGEST_GET, "SELECT jobs FROM digest WHERE number = ?1") \
	/* where jobs run */ \
	X(SQL_RUNNING_PUT, "INSERT OR IGNORE INTO running VALUES(?1)") \
	X(SQL_RUNNING_DELETE, "DELETE FROM running WHERE block = ?1") \
	X(SQL_RUNNING_WITHIN, "SELECT 1 FROM job WHERE id BETWEEN ?1 AND ?2 AND state = 5 LIMIT 1") \
	/* lists: what there is from one id to another; where there is something, from an id on */ \
	X(SQL_SPAN_JOBS, "SELECT id, lane, state, attempt FROM job WHERE id BETWEEN ?1 AND ?2 ORDER BY id") \
	X(SQL_SPAN_FLOWS, "SELECT id, lane, state, attempt, flow FROM job WHERE id BETWEEN ?1 AND ?2 ORDER BY id") \
	X(SQL_JOB_UP, "SELECT id FROM job WHERE id >= ?1 ORDER BY id LIMIT 1") \
	X(SQL_JOB_DOWN, "SELECT id FROM job WHERE id <= ?1 ORDER BY id DESC LIMIT 1") \
	X(SQL_TAG_UP, "SELECT block FROM tag WHERE name = ?1 AND value = ?2 AND block >= ?3 ORDER BY block LIMIT 1") \
	X(SQL_TAG_DOWN, "SELECT block FROM tag WHERE name = ?1 AND value = ?2 AND block <= ?3 ORDER BY block DESC LIMIT 1") \
	X(SQL_TAG_SPAN, "SELECT block, jobs FROM tag WHERE name = ?1 AND value = ?2 AND block BETWEEN ?3 AND ?4")

#define SQLITE_STATEMENT_NAME(name, text) name,
enum sqlite_sql { SQLITE_STATEMENTS(SQLITE_STATEMENT_NAME) SQLS };

#endif
