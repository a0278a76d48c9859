#include "store/sqlite_digest_keep.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"

enum { BITS = 7, MORE = 1 << BITS, NUMBER_BYTES = 10 };

struct run {			/* of jobs that are alike, or of none */
	int64_t n, what, lane, flow;
};

/* ---- packed ---- */

static void pack_number(struct buf *out, int64_t number)
{
	uint64_t left = (uint64_t)number;

	for (; left >= MORE; left >>= BITS)
		buf_putc(out, (char)(left | MORE));
	buf_putc(out, (char)left);
}

static void pack_run(struct buf *out, const struct run *r)
{
	pack_number(out, r->n);
	pack_number(out, r->what);
	if (r->what == JOB_NONE)
		return;
	pack_number(out, r->lane);
	pack_number(out, r->flow);
}

static struct run run_at(const struct digest_copy *from, int i)
{
	struct run r = { 1, from->what[i], 0, 0 };

	if (r.what != JOB_NONE) {
		r.lane = from->lane[i];
		r.flow = from->flows ? from->flow[i] : 0;
	}
	return r;
}

static void pack(struct buf *out, const struct digest_copy *from)
{
	struct run r = run_at(from, 0);

	for (int i = 1; i < DIGEST_IDS; i++) {
		struct run next = run_at(from, i);

		if (next.what == r.what && next.lane == r.lane && next.flow == r.flow) {
			r.n++;
		} else {
			pack_run(out, &r);
			r = next;
		}
	}
	pack_run(out, &r);
}

struct packed {
	const unsigned char *at, *end;
};

static bool unpack_number(struct packed *p, int64_t *number)
{
	uint64_t got = 0;
	unsigned shift = 0;
	bool more = true;

	while (more && p->at < p->end && shift < NUMBER_BYTES * BITS) {
		more = (*p->at & MORE) != 0;
		got |= (uint64_t)(*p->at++ & (MORE - 1)) << shift;
		shift += BITS;
	}
	*number = (int64_t)got;
	return !more && *number >= 0;
}

static bool unpack_run(struct packed *p, struct run *r)
{
	r->lane = r->flow = 0;
	if (!unpack_number(p, &r->n) || !unpack_number(p, &r->what))
		return false;
	if (r->what == JOB_NONE)
		return true;
	return unpack_number(p, &r->lane) && unpack_number(p, &r->flow) && (r->what & DIGEST_STATE) < JOB_STATES &&
	       r->what < DIGEST_KINDS && r->lane <= UINT32_MAX;
}

static bool unpack(struct packed *p, struct digest_copy *out)
{
	int64_t i = 0;
	struct run r;

	out->flows = true;
	while (i < DIGEST_IDS) {
		if (!unpack_run(p, &r) || r.n < 1 || r.n > DIGEST_IDS - i)
			return false;
		for (int64_t end = i + r.n; i < end; i++) {
			out->what[i] = (uint8_t)r.what;
			out->lane[i] = (uint32_t)r.lane;
			out->flow[i] = r.flow;
		}
	}
	return p->at == p->end;
}

bool sqlite_digest_kept(struct sqlite_db *db, int64_t number, struct digest_copy *out)
{
	struct sqlite_query q = sqlite_query(db, SQL_DIGEST_GET);
	struct packed p;
	bool ok;

	sqlite_bind_int(&q, number);
	if (!sqlite_next(&q))
		return false;
	p.at = sqlite3_column_blob(q.stmt, 0);
	p.end = p.at + sqlite3_column_bytes(q.stmt, 0);
	out->number = number;
	ok = p.at != NULL && unpack(&p, out);
	out->kept = ok;
	sqlite_end(&q);
	return ok;
}

/* ---- written ---- */

static void keep_drop(struct sqlite_db *db, int64_t number)
{
	struct sqlite_query q = sqlite_query(db, SQL_DIGEST_DELETE);

	sqlite_bind_int(&q, number);
	sqlite_run(&q);
}

/* False: there is no memory for it, and nothing was done. */
static bool keep_put(struct sqlite_db *db, const struct digest_copy *from)
{
	struct sqlite_query q;
	struct buf packed;
	bool ok;

	buf_init(&packed);
	pack(&packed, from);
	ok = !buf_failed(&packed);
	if (ok) {
		q = sqlite_query(db, SQL_DIGEST_PUT);
		sqlite_bind_int(&q, from->number);
		sqlite_bind_blob(&q, buf_data(&packed), buf_len(&packed));
		sqlite_run(&q);
	}
	buf_free(&packed);
	return ok;
}

static void keep_drop_all(struct sqlite_digests *d, struct sqlite_db *db, const struct op_list *ops)
{
	const struct store_op *op;
	const struct note *note;
	int64_t last = -1;

	STAILQ_FOREACH(op, ops, link)
		STAILQ_FOREACH(note, &op->notes, link) {
			int64_t number = digest_of(note->row.id);

			if (number != last && sqlite_digests_may_be_kept(d, number))
				keep_drop(db, number);
			last = number;
		}
}

int sqlite_digests_write(struct sqlite_digests *d, struct sqlite_db *db, const struct op_list *ops, bool room)
{
	const struct digest_copy *spare;

	keep_drop_all(d, db, ops);
	spare = room && db->failed == 0 ? sqlite_digests_spare(d) : NULL;
	if (spare != NULL && keep_put(db, spare))
		sqlite_digests_keep(d);
	return db->failed;
}

void sqlite_digests_write_all(struct sqlite_digests *d, struct sqlite_db *db)
{
	const struct digest_copy *left = sqlite_digests_left(d);
	struct sqlite_query q;

	if (left == NULL)
		return;
	sqlite_db_clear(db);
	q = sqlite_query(db, SQL_BEGIN);
	sqlite_run(&q);
	for (; left != NULL && db->failed == 0; left = sqlite_digests_left(d))
		keep_put(db, left);
	q = sqlite_query(db, SQL_COMMIT);
	sqlite_run(&q);
	if (!sqlite3_get_autocommit(db->h))
		sqlite3_exec(db->h, "ROLLBACK", NULL, NULL, NULL);
	sqlite_db_clear(db);
}
