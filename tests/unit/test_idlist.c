#include "store/idlist.h"
#include "tests/lib/chance.h"
#include "tests/lib/unit.h"

enum { MANY = 100000 };

static int64_t ids[MANY], got[MANY];

START_TEST(what_is_put_is_taken_in_order)
{
	struct idlist l;
	size_t put = 0, taken = 0;

	chance_seed(7);
	idlist_init(&l);
	while (taken < MANY) {
		for (size_t n = chance_below(500); n > 0 && put < MANY; n--, put++) {
			ids[put] = 1 + (int64_t)chance_below(chance_below(2) ? 200 : 1u << 31);
			ids[put] <<= chance_below(32);
			ck_assert_int_eq(idlist_put(&l, ids[put]), 0);
		}
		taken += idlist_take(&l, got + taken, chance_below(400));
		ck_assert_uint_eq(l.n, put - taken);
	}
	for (size_t i = 0; i < MANY; i++)
		hold(got[i] == ids[i]);
	ck_assert_uint_eq(idlist_take(&l, got, 10), 0);
	idlist_free(&l);
}
END_TEST

START_TEST(the_largest_and_the_smallest)
{
	static const int64_t edges[] = { 1, INT64_MAX, 1, 63, 64, 65, 128, INT64_MAX - 1, 2, INT64_MAX };
	struct idlist l;

	idlist_init(&l);
	for (size_t i = 0; i < 10; i++)
		ck_assert_int_eq(idlist_put(&l, edges[i]), 0);
	ck_assert_uint_eq(idlist_take(&l, got, 20), 10);
	for (size_t i = 0; i < 10; i++)
		ck_assert_int_eq(got[i], edges[i]);
	idlist_free(&l);
}
END_TEST

START_TEST(neighbours_cost_a_byte)
{
	struct idlist l;

	idlist_init(&l);
	for (int64_t id = MANY; id > 0; id--)
		ck_assert_int_eq(idlist_put(&l, id), 0);
	ck_assert_uint_le(buf_len(&l.bytes), MANY + 8);
	idlist_free(&l);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("idlist");
	TCase *tc = tcase_create("idlist");

	tcase_add_test(tc, what_is_put_is_taken_in_order);
	tcase_add_test(tc, the_largest_and_the_smallest);
	tcase_add_test(tc, neighbours_cost_a_byte);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
