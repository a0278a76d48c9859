/* limits: what is set over what is configured; tokens. */
#include "../lib/chance.h"
#include "../lib/unit.h"
#include "store/limits.h"

START_TEST(what_is_set_goes_before_the_defaults)
{
	struct queue_settings set = { .concurrency = 2, .weight = 5 };
	struct queue_settings defaults = { 7, { 3, 4 }, 9, 11 }, none = { 0 };
	struct queue_settings in_force = queue_settings_over(&set, &defaults);

	ck_assert_int_eq(in_force.concurrency, 2);
	ck_assert_int_eq(in_force.weight, 5);
	ck_assert_double_eq(in_force.rate.per_second, 3);
	ck_assert_int_eq(in_force.rate.burst, 4);
	ck_assert_int_eq(in_force.max_ready, 11);
	ck_assert_int_eq(queue_settings_over(&none, &none).weight, 1);
}
END_TEST

START_TEST(a_burst_is_what_comes_in_a_second)
{
	ck_assert_int_eq(rate_burst(0.001), 1);
	ck_assert_int_eq(rate_burst(1), 1);
	ck_assert_int_eq(rate_burst(2.5), 3);
	ck_assert_int_eq(rate_burst(1e9), QUEUE_BURST_MAX);
}
END_TEST

START_TEST(a_new_bucket_is_full)
{
	struct rate r = { 2, 3 };
	struct bucket b = { 0, 0 };

	for (int i = 0; i < 3; i++)
		ck_assert(bucket_take(&b, &r, 1000));
	ck_assert(!bucket_take(&b, &r, 1000));
	ck_assert(bucket_next(&b, &r, 1000) > 1490 && bucket_next(&b, &r, 1000) <= 1501);
	ck_assert(!bucket_take(&b, &r, 1490));
	ck_assert(bucket_take(&b, &r, 1501));
}
END_TEST

START_TEST(what_was_not_used_comes_back)
{
	struct rate r = { 1, 1 };
	struct bucket b = { 0, 0 };

	ck_assert(bucket_take(&b, &r, 1000));
	bucket_give_back(&b, &r, 1000);
	ck_assert(bucket_take(&b, &r, 1000));
	ck_assert(!bucket_take(&b, &r, 1000));
	bucket_give_back(&b, &r, 60000);
	ck_assert(bucket_take(&b, &r, 60000));
	ck_assert(!bucket_take(&b, &r, 60000));
}
END_TEST

START_TEST(a_clock_set_back_gives_one_token_at_most_and_holds_nothing_up)
{
	struct rate r = { 1, 5 };
	struct bucket b = { 0, 0 };

	for (int i = 0; i < 3; i++)
		ck_assert(bucket_take(&b, &r, 1000000));
	ck_assert(bucket_take(&b, &r, 500000));
	ck_assert(bucket_take(&b, &r, 500000));
	ck_assert(!bucket_take(&b, &r, 500000));
	ck_assert(bucket_take(&b, &r, 501001));
	ck_assert(!bucket_take(&b, &r, 501002));
	/* Empty, as the clock goes back far. */
	ck_assert_int_eq(bucket_next(&b, &r, 1000), 1000);
	ck_assert(bucket_take(&b, &r, 1000));
	ck_assert(!bucket_take(&b, &r, 1000));
	ck_assert(bucket_take(&b, &r, 2001));
}
END_TEST

/*
 * Whoever looks at random times never starts more than the burst and what has
 * come since, and over a long time starts as many as have come.
 */
START_TEST(over_any_time_no_more_than_the_burst_and_the_rate)
{
	static const struct rate rates[] = { { 0.5, 1 }, { 3, 1 }, { 10, 20 }, { 999, 1 }, { 7000, 10 }, { 100.7, 5 } };
	enum { TAKES = 20000 };

	chance_seed(20261121);
	for (size_t i = 0; i < sizeof(rates) / sizeof(rates[0]); i++) {
		const struct rate *r = &rates[i];
		double size = (double)r->burst > r->per_second / 1000 ? (double)r->burst : r->per_second / 1000;
		struct bucket b = { 0, 0 };
		wall_ms now = 1000, begun = 1000;
		long taken = 0;

		while (taken < TAKES) {
			wall_ms next = bucket_next(&b, r, now);

			if (next > now) {
				ck_assert(!bucket_take(&b, r, now));
				now = next;
			}
			while (bucket_take(&b, r, now))
				taken++;
			ck_assert_double_le((double)taken, size + (double)(now - begun) * r->per_second / 1000 + 0.1);
			/* Now and then nobody looks for so short a time that nothing spills. */
			if (chance_below(4) == 0 && size > 2)
				now += (wall_ms)((size - 1) * 500 / r->per_second);
		}
		/* A look is up to a millisecond late: so many tokens may spill of a bucket that holds one. */
		ck_assert_double_ge((double)taken, (double)(now - begun) * r->per_second / 1000 / (1 + 2 * r->per_second / 1000 / size) - 2);
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("limits");
	TCase *tc = tcase_create("limits");

	tcase_add_test(tc, what_is_set_goes_before_the_defaults);
	tcase_add_test(tc, a_burst_is_what_comes_in_a_second);
	tcase_add_test(tc, a_new_bucket_is_full);
	tcase_add_test(tc, what_was_not_used_comes_back);
	tcase_add_test(tc, a_clock_set_back_gives_one_token_at_most_and_holds_nothing_up);
	tcase_add_test(tc, over_any_time_no_more_than_the_burst_and_the_rate);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
