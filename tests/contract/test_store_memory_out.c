/*
 * The SQLite back end where memory runs out: for every n, the n-th allocation
 * of ours and all behind it fail. Each answer is 0 or -ENOMEM, nothing is left
 * half done, and all goes on when there is memory again.
 */
#include <stdlib.h>

#include "../lib/failmem.h"
#include "../lib/unit.h"
#include "storetest.h"

enum { TRIES = 60 };

static struct job_spec *spec, *tagged;
static int64_t ready_id, waiting_id;
static long denied;

/* One verb of each kind; which one by number. */
static int verb(int which)
{
	struct submission v[2] = { { .spec = spec }, { .spec = tagged } };
	struct settlement s = settlement(ready_id, 1, OUTCOME_FAILED, JOB_FAILED, 3000);
	struct claim c = { .id = ready_id, .attempt = 1, .started_at = 2000, .where = "here" };
	struct job_spec *loaded = NULL;
	struct job_record record;
	struct job_page page;
	struct output_page output;
	struct job_filter all = { 0 };
	enum job_state state;
	size_t removed;
	wall_ms next;
	int rc;

	switch (which) {
	case 0: return store_submit(st, v, 2, 1000, NULL);
	case 1: rc = store_claim(st, &c, &loaded); job_spec_unref(&loaded); return rc;
	case 2: return store_output_append(st, ready_id, 1, 0, 0, "out", 3);
	case 3: return store_settle(st, &s);
	case 4: rc = store_get(st, ready_id, &record); job_record_free(&record); return rc;
	case 5: rc = store_list(st, &all, true, 0, 10, true, &page); job_page_free(&page); return rc;
	case 6: rc = store_output_read(st, ready_id, 1, 0, 0, 10, &output); free(output.data); return rc;
	case 7: return store_cancel(st, waiting_id, 3000, &state);
	case 8: return store_due(st, 9000, 10, &next);
	case 9: return store_prune(st, 4000 + storetest_conf.retain, 10, &next, &removed);
	case 10: return pause_queue("q", true);
	default: return 1;
	}
}

static void every_allocation(void)
{
	struct job_spec from = storetest_spec();

	spec = new_spec("fresh", "kind");
	from.tags = "{\"a\":\"b\"}";
	from.unique_key = "k";
	tagged = job_spec_new(&from);
	ready_id = submit();
	waiting_id = submit_at(9000);
	for (int which = 0; which <= 10; which++) {
		int rc = -ENOMEM;

		for (long n = 1; rc != 0; n++) {
			ck_assert_int_le(n, TRIES);
			failmem_from(n);
			rc = verb(which);
			denied += failmem_off();
			ck_assert_msg(rc == 0 || rc == -ENOMEM, "verb %d: %d", which, rc);
			storetest_agree();
		}
	}
	ck_assert_int_gt(denied, 20);
	job_spec_unref(&spec);
	job_spec_unref(&tagged);
	submit();
}

START_TEST(without_memory_nothing_is_left_half_done)
{
	storetest_run(&store_sqlite, every_allocation);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("store_memory_out");
	TCase *tc = tcase_create("memory");

	tcase_add_test(tc, without_memory_nothing_is_left_half_done);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
