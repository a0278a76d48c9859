/* SQLite alone: what one insert a transaction costs, durable as jobd's is, with nothing around it. */
#include <sqlite3.h>

#include "peers.h"
#include "wire.h"

static void sql(sqlite3 *db, const char *text)
{
	if (sqlite3_exec(db, text, NULL, NULL, NULL) != SQLITE_OK)
		bench_die("sqlite: %s", sqlite3_errmsg(db));
}

static void insert(sqlite3 *db, sqlite3_stmt *statement)
{
	if (sqlite3_step(statement) != SQLITE_DONE || sqlite3_reset(statement) != SQLITE_OK)
		bench_die("sqlite: %s", sqlite3_errmsg(db));
}

double sqlite_submit(const struct bench *b)
{
	sqlite3 *db;
	sqlite3_stmt *statement;
	double begin;

	if (sqlite3_open(b->variant, &db) != SQLITE_OK)
		bench_die("%s: %s", b->variant, sqlite3_errmsg(db));
	sql(db, "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
		"CREATE TABLE IF NOT EXISTS job (id INTEGER PRIMARY KEY, state INTEGER, payload TEXT)");
	if (sqlite3_prepare_v2(db, "INSERT INTO job (state, payload) VALUES (1, ?)", -1, &statement, NULL) != SQLITE_OK)
		bench_die("sqlite: %s", sqlite3_errmsg(db));
	sqlite3_bind_text(statement, 1, bench_payload(), BENCH_JOB_BYTES, SQLITE_STATIC);
	begin = bench_now();
	for (int i = 0; i < b->count; i++)
		insert(db, statement);
	begin = bench_now() - begin;
	sqlite3_finalize(statement);
	sqlite3_close(db);
	return b->count / begin;
}
