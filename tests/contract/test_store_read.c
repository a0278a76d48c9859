/* The store's contract, over each back end: records, ready pages, output. */
#include <stdlib.h>

#include "../lib/unit.h"
#include "storetest.h"

/* ---- get ---- */

STORE_TEST(a_record_says_what_was_submitted)
{
	struct job_spec from = storetest_spec();
	struct submission s = { .priority = -7, .run_at = 5000, .expires_at = 9000 };
	struct job_record record;

	from.args = "{\"url\":\"x\"}";
	from.meta = "{\"m\":1}";
	from.tags = "{\"a\":\"b\"}";
	from.unique_key = "key";
	s.spec = job_spec_new(&from);
	ck_assert_int_eq(store_submit(st, &s, 1, 1234, NULL), 0);
	job_spec_unref(&s.spec);
	ck_assert_int_eq(store_get(st, s.id, &record), 0);
	ck_assert_int_eq(record.row.id, s.id);
	ck_assert_int_eq(record.row.state, JOB_SCHEDULED);
	ck_assert_int_eq(record.row.priority, -7);
	ck_assert_int_eq(record.row.submitted_at, 1234);
	ck_assert_int_eq(record.row.run_at, 5000);
	ck_assert_int_eq(record.row.expires_at, 9000);
	ck_assert_int_eq(record.row.attempt, 0);
	ck_assert_str_eq(record.row.spec->args, from.args);
	ck_assert_str_eq(record.row.spec->meta, from.meta);
	ck_assert_str_eq(record.row.spec->tags, from.tags);
	ck_assert_str_eq(record.row.spec->unique_key, "key");
	ck_assert_str_eq(record.row.spec->queue, "q");
	ck_assert_ptr_null(record.result);
	ck_assert_uint_eq(record.history_len, 0);
	job_record_free(&record);
	ck_assert_int_eq(store_get(st, s.id + 1, &record), -ENOENT);
	job_record_free(&record);
}

STORE_TEST(big_arguments_come_back_whole)
{
	struct job_spec from = storetest_spec(), *spec;
	size_t n = 1 << 20;
	char *args = malloc(n + 1);
	struct job_record record;
	int64_t id;

	memset(args, 'x', n);
	memcpy(args, "{\"a\":\"", 6);
	memcpy(args + n - 2, "\"}", 3);
	from.args = args;
	spec = job_spec_new(&from);
	id = submit_spec(spec, 0, 0);
	ck_assert_int_eq(store_get(st, id, &record), 0);
	ck_assert_uint_eq(record.row.spec->args_len, n);
	ck_assert(strcmp(record.row.spec->args, args) == 0);
	job_record_free(&record);
	free(args);
}

/* ---- ready pages ---- */

static int64_t page_ids[64];
static size_t page_n;
static int page_calls;

static void page_done(void *arg, int rc, const struct job_row *rows, size_t n)
{
	ck_assert_ptr_eq(arg, &page_n);
	ck_assert_int_eq(rc, 0);
	for (size_t i = 0; i < n; i++) {
		ck_assert_ptr_nonnull(rows[i].spec);
		ck_assert_str_eq(rows[i].spec->queue, "q");
		ck_assert_int_eq(rows[i].state, JOB_READY);
		page_ids[i] = rows[i].id;
	}
	page_n = n;
	page_calls++;
}

static void ready_page(int after_priority, int64_t after_id, size_t max)
{
	int calls = page_calls;

	ck_assert_int_eq(store_ready_page(st, "q", "t", 0, after_priority, after_id, max, page_done, &page_n), 0);
	while (page_calls == calls)
		coro_yield();
}

STORE_TEST(ready_pages_go_by_priority_then_id)
{
	int64_t low = submit_spec(new_spec("q", "t"), -5, 0), a = submit(), high = submit_spec(new_spec("q", "t"), 9, 0),
		b = submit(), running = submit();
	int64_t want[] = { high, a, b, low };

	submit_at(9000);
	submit_spec(new_spec("other", "t"), 0, 0);
	submit_spec(new_spec("q", "other"), 0, 0);
	ck_assert_int_eq(claim(running, 1, 2000), 0);
	ready_page(0, 0, 10);
	ck_assert_uint_eq(page_n, 4);
	for (int i = 0; i < 4; i++)
		ck_assert_int_eq(page_ids[i], want[i]);
	ready_page(0, 0, 2);
	ck_assert_uint_eq(page_n, 2);
	ck_assert_int_eq(page_ids[1], a);
	ready_page(0, a, 1);
	ck_assert_uint_eq(page_n, 1);
	ck_assert_int_eq(page_ids[0], b);
	ready_page(0, a, 10);
	ck_assert_uint_eq(page_n, 2);
	ck_assert_int_eq(page_ids[1], low);
	ready_page(-5, low, 10);
	ck_assert_uint_eq(page_n, 0);
}

/* ---- output ---- */

static void expect_output(int64_t id, int attempt, int stream, int64_t offset, size_t limit, const char *want, int64_t stored)
{
	struct output_page page;

	ck_assert_int_eq(store_output_read(st, id, attempt, stream, offset, limit, &page), 0);
	ck_assert_int_eq(page.stored, stored);
	ck_assert_uint_eq(page.len, strlen(want));
	ck_assert_mem_eq(page.data, want, page.len);
	free(page.data);
}

STORE_TEST(output_is_read_from_anywhere)
{
	int64_t id = submit();

	ck_assert_int_eq(claim(id, 1, 2000), 0);
	expect_output(id, 1, 0, 0, 100, "", 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 0, 0, "hello ", 6), 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 1, 0, "oops", 4), 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 0, 6, "world", 5), 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 0, 11, "!", 1), 0);
	expect_output(id, 1, 0, 0, 100, "hello world!", 12);
	expect_output(id, 1, 0, 3, 5, "lo wo", 12);
	expect_output(id, 1, 0, 6, 5, "world", 12);
	expect_output(id, 1, 0, 10, 100, "d!", 12);
	expect_output(id, 1, 0, 12, 100, "", 12);
	expect_output(id, 1, 0, 99, 100, "", 12);
	expect_output(id, 1, 0, 0, 0, "", 12);
	expect_output(id, 1, 1, 0, 100, "oops", 4);
}

STORE_TEST(output_has_no_holes_and_belongs_to_an_attempt_that_runs)
{
	int64_t id = submit();
	struct output_page page;

	ck_assert_int_eq(store_output_append(st, id, 2, 0, 0, "x", 1), -EBUSY);
	ck_assert_int_eq(store_output_append(st, id, 1, 0, 0, "x", 1), 0);	/* its claim is on its way */
	ck_assert_int_eq(claim(id, 1, 2000), 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 0, 2, "x", 1), -EINVAL);
	ck_assert_int_eq(store_output_append(st, id, 2, 0, 0, "x", 1), -EBUSY);
	ck_assert_int_eq(store_output_append(st, id + 1, 1, 0, 0, "x", 1), -ENOENT);
	ck_assert_int_eq(settle(id, 1, OUTCOME_FAILED, JOB_READY, 3000), 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 0, 1, "x", 1), -EBUSY);
	ck_assert_int_eq(claim(id, 2, 4000), 0);
	ck_assert_int_eq(store_output_append(st, id, 2, 0, 0, "second", 6), 0);
	expect_output(id, 1, 0, 0, 10, "x", 1);
	expect_output(id, 2, 0, 0, 10, "second", 6);
	ck_assert_int_eq(store_output_read(st, id, 4, 0, 0, 10, &page), -ENOENT);
	ck_assert_int_eq(store_output_read(st, id, 0, 0, 0, 10, &page), -ENOENT);
	ck_assert_int_eq(store_output_read(st, id + 1, 1, 0, 0, 10, &page), -ENOENT);
}

/* A life that ended before its claim was written leaves output of the attempt that the next life begins. */
STORE_TEST(output_from_offset_0_begins_its_stream_anew)
{
	int64_t id = submit();

	ck_assert_int_eq(store_output_append(st, id, 1, 0, 0, "old", 3), 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 1, 0, "other", 5), 0);
	ck_assert_int_eq(claim(id, 1, 2000), 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 0, 0, "n", 1), 0);
	ck_assert_int_eq(store_output_append(st, id, 1, 0, 1, "ew", 2), 0);
	expect_output(id, 1, 0, 0, 10, "new", 3);
	expect_output(id, 1, 1, 0, 10, "other", 5);
}

STORE_TEST(much_output_is_read_in_pages)
{
	enum { PIECE = 100 * 1000, PIECES = 20, PAGE = 64 * 1024 };
	char *data = malloc(PIECE * PIECES);
	int64_t id = submit(), offset = 0;
	struct output_page page;

	for (int i = 0; i < PIECE * PIECES; i++)
		data[i] = (char)(i * 31 + i / 251);
	ck_assert_int_eq(claim(id, 1, 2000), 0);
	for (int i = 0; i < PIECES; i++)
		ck_assert_int_eq(store_output_append(st, id, 1, 0, i * PIECE, data + i * PIECE, PIECE), 0);
	do {
		ck_assert_int_eq(store_output_read(st, id, 1, 0, offset, PAGE, &page), 0);
		ck_assert(memcmp(page.data, data + offset, page.len) == 0);
		ck_assert(page.len == PAGE || offset + (int64_t)page.len == page.stored);
		offset += (int64_t)page.len;
		free(page.data);
	} while (offset < page.stored);
	ck_assert_int_eq(offset, PIECE * PIECES);
	free(data);
}

static Suite *suite(void)
{
	Suite *s = suite_create("store_read");
	TCase *tc = tcase_create("read");

	add_store_test(tc, a_record_says_what_was_submitted);
	add_store_test(tc, big_arguments_come_back_whole);
	add_store_test(tc, ready_pages_go_by_priority_then_id);
	add_store_test(tc, output_is_read_from_anywhere);
	add_store_test(tc, output_has_no_holes_and_belongs_to_an_attempt_that_runs);
	add_store_test(tc, output_from_offset_0_begins_its_stream_anew);
	add_store_test(tc, much_output_is_read_in_pages);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
