/*
 * What attempts print, in the pieces it came in. A piece begins where the one
 * before has ended, so that what is kept of a stream has no holes; one at 0
 * begins the stream anew.
 */
#include <errno.h>
#include <stdlib.h>
#include <string.h>

#include "store/sqlite_reader.h"
#include "store/sqlite_verbs.h"

static void output_bind(struct sqlite_query *q, const struct store_op *op)
{
	sqlite_bind_int(q, op->output.id);
	sqlite_bind_int(q, op->output.attempt);
	sqlite_bind_int(q, op->output.stream);
}

/* Bytes kept of the stream. */
static int64_t output_stored(struct sqlite_db *db, const struct store_op *op)
{
	struct sqlite_query q = sqlite_query(db, SQL_OUTPUT_LAST);

	output_bind(&q, op);
	return sqlite_value(&q, 0);
}

/* Another life's, that began this attempt and left no trace of it in the job: the stream begins anew. */
static void output_clear(struct sqlite_db *db, const struct store_op *op)
{
	struct sqlite_query q = sqlite_query(db, SQL_OUTPUT_CLEAR);

	output_bind(&q, op);
	sqlite_run(&q);
}

int sqlite_output_append(struct sqlite_tx *tx, struct store_op *op)
{
	struct sqlite_job *j;
	struct sqlite_query q;
	int64_t stored;
	int rc = sqlite_job_get(tx, op->output.id, &j);

	if (rc != 0)
		return rc;
	if (!rules_output(&j->row.k, op->output.attempt))
		return -EBUSY;
	stored = output_stored(&tx->db, op);
	if (op->output.offset == 0 && stored > 0)
		output_clear(&tx->db, op);
	else if (op->output.offset != stored)
		return tx->db.failed != 0 ? tx->db.failed : -EINVAL;
	if (op->output.len == 0)
		return tx->db.failed;
	q = sqlite_query(&tx->db, SQL_OUTPUT_PUT);
	output_bind(&q, op);
	sqlite_bind_int(&q, op->output.offset);
	sqlite_bind_blob(&q, op->output.data, op->output.len);
	return sqlite_run(&q);
}

/* Adds of a piece what lies behind the page's end, as far as there is room. */
static void output_add(struct output_page *page, int64_t from, size_t limit, int64_t offset, const void *data, size_t len)
{
	int64_t at = from + (int64_t)page->len;	/* the next byte wanted */
	size_t skip;

	if (offset > at || offset + (int64_t)len <= at)
		return;
	skip = (size_t)(at - offset);
	len -= skip;
	if (len > limit - page->len)
		len = limit - page->len;
	memcpy(page->data + page->len, (const char *)data + skip, len);
	page->len += len;
}

static void output_read_pieces(struct sqlite_reader *r, struct store_op *op)
{
	struct output_page *page = op->output.page;
	struct sqlite_query q = sqlite_query(&r->db, SQL_OUTPUT_FROM);

	output_bind(&q, op);
	sqlite_bind_int(&q, op->output.offset);
	while (page->len < op->output.len && sqlite_next(&q))
		output_add(page, op->output.offset, op->output.len, sqlite_int(&q, 0), sqlite3_column_blob(q.stmt, 1),
			   (size_t)sqlite3_column_bytes(q.stmt, 1));
	sqlite_end(&q);
}

int sqlite_output_read(struct sqlite_reader *r, struct store_op *op)
{
	struct output_page *page = op->output.page;
	struct sqlite_row row;
	int rc = sqlite_row_load(&row, &r->db, &r->lanes, op->output.id);

	if (rc != 0)
		return rc;
	if (op->output.attempt < 1 || op->output.attempt > row.k.row.attempt + 1)
		return -ENOENT;
	page->stored = output_stored(&r->db, op);
	if (op->output.offset < page->stored && (int64_t)op->output.len > page->stored - op->output.offset)
		op->output.len = (size_t)(page->stored - op->output.offset);
	page->data = malloc(op->output.len + 1);
	if (page->data == NULL)
		return -ENOMEM;
	if (op->output.offset < page->stored)
		output_read_pieces(r, op);
	if (r->db.failed != 0) {
		free(page->data);
		page->data = NULL;
		page->len = 0;
	}
	return r->db.failed;
}
