#include "store/sqlite_request.h"

bool sqlite_request_answer(struct sqlite_tx *tx, struct submission *s, wall_ms now)
{
	struct sqlite_query q;
	bool answered;

	if (s->request_id == NULL)
		return false;
	q = sqlite_query(&tx->db, SQL_REQUEST_GET);
	sqlite_bind_text(&q, s->request_id);
	if (!sqlite_next(&q))
		return false;
	answered = sqlite_int(&q, 0) > now;
	if (answered) {
		s->id = sqlite_int(&q, 1);
		s->state = (enum job_state)sqlite_int(&q, 2);
		s->existing = sqlite_int(&q, 3) != 0;
	}
	sqlite_end(&q);
	return answered;
}

int sqlite_request_keep(struct sqlite_tx *tx, const struct submission *s, wall_ms now)
{
	struct sqlite_query q;

	if (s->request_id == NULL)
		return tx->db.failed;
	q = sqlite_query(&tx->db, SQL_REQUEST_PUT);
	sqlite_bind_text(&q, s->request_id);
	sqlite_bind_int(&q, rules_request_until(now));
	sqlite_bind_int(&q, s->id);
	sqlite_bind_int(&q, s->state);
	sqlite_bind_int(&q, s->existing);
	return sqlite_run(&q);
}

size_t sqlite_request_prune(struct sqlite_tx *tx, wall_ms now, size_t max)
{
	struct sqlite_query q = sqlite_query(&tx->db, SQL_REQUEST_PRUNE);

	sqlite_bind_int(&q, now);
	sqlite_bind_int(&q, (int64_t)max);
	return sqlite_run(&q) == 0 ? (size_t)sqlite3_changes(tx->db.h) : 0;
}
