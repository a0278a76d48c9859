#include <stdint.h>
#include <stdio.h>

#include "base/buf.h"
#include "tests/lib/chance.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

enum { MODEL_MAX = 1 << 20 };

static struct buf b;

/* The same bytes in the plainest way there is. */
static char model[MODEL_MAX];
static size_t model_len;

static void begin(void)
{
	buf_init(&b);
	model_len = 0;
}

static void expect_model(void)
{
	ck_assert(!buf_failed(&b));
	ck_assert_uint_eq(buf_len(&b), model_len);
	if (model_len > 0)
		ck_assert_mem_eq(buf_data(&b), model, model_len);
}

static void expect_text(const char *text)
{
	ck_assert_uint_eq(buf_len(&b), strlen(text));
	ck_assert_mem_eq(buf_data(&b), text, strlen(text));
}

/* An append that finds no memory. */
static void fail_once(void)
{
	char *to;

	failmem_from(1);
	to = buf_reserve(&b, 1 << 20);
	ck_assert_int_eq(failmem_off(), 1);
	ck_assert_ptr_null(to);
	ck_assert(buf_failed(&b));
}

static void put_both(size_t n)
{
	char piece[5000];

	for (size_t i = 0; i < n; i++)
		piece[i] = (char)chance_bits();
	buf_put(&b, piece, n);
	memcpy(model + model_len, piece, n);
	model_len += n;
}

static void reserve_both(size_t n)
{
	char *to = buf_reserve(&b, n);
	size_t used = n / 2;

	ck_assert_ptr_nonnull(to);
	memset(to, 'r', used);
	buf_commit(&b, used);
	memset(model + model_len, 'r', used);
	model_len += used;
}

static void consume_both(size_t n)
{
	buf_consume(&b, n);
	model_len -= n;
	memmove(model, model + n, model_len);
}

static void step(void)
{
	size_t part = model_len > 0 ? chance_below((unsigned)model_len + 1) : 0;

	switch (chance_below(8)) {
	case 0:
	case 1:
		put_both(chance_below(chance_below(10) == 0 ? 5000 : 50));
		break;
	case 2:
		buf_putc(&b, 'c');
		model[model_len++] = 'c';
		break;
	case 3:
		buf_printf(&b, "%d|%s", -42, "forty-two");
		memcpy(model + model_len, "-42|forty-two", 13);
		model_len += 13;
		break;
	case 4:
		reserve_both(chance_below(2000));
		break;
	case 5:
		consume_both(part);
		break;
	case 6:
		if (chance_below(4) == 0) {
			buf_truncate(&b, part);
			model_len = part;
		}
		break;
	case 7:
		buf_shrink(&b, chance_below(1000));
		break;
	}
	if (model_len > MODEL_MAX - 20000)
		consume_both(model_len);
	expect_model();
}

START_TEST(is_what_a_plain_array_would_be)
{
	chance_seed((uint64_t)_i);
	begin();
	for (int i = 0; i < 20000; i++)
		step();
	buf_free(&b);
	ck_assert_uint_eq(buf_len(&b), 0);
}
END_TEST

START_TEST(printf_of_any_length)
{
	static char long_text[10000];

	memset(long_text, 'x', sizeof(long_text) - 1);
	for (size_t n = 0; n < sizeof(long_text); n += 61) {
		begin();
		buf_puts(&b, "<");
		buf_printf(&b, "%.*s>", (int)n, long_text);
		ck_assert_uint_eq(buf_len(&b), n + 2);
		ck_assert_int_eq(buf_data(&b)[0], '<');
		ck_assert_mem_eq(buf_data(&b) + 1, long_text, n);
		ck_assert_int_eq(buf_data(&b)[n + 1], '>');
		buf_free(&b);
	}
}
END_TEST

START_TEST(steal_gives_a_text)
{
	size_t len = 99;
	char *text;

	begin();
	text = buf_steal(&b, &len);
	ck_assert_str_eq(text, "");
	ck_assert_uint_eq(len, 0);
	free(text);
	buf_puts(&b, "dropped, kept");
	buf_consume(&b, 9);
	text = buf_steal(&b, &len);
	ck_assert_str_eq(text, "kept");
	ck_assert_uint_eq(len, 4);
	ck_assert_uint_eq(buf_len(&b), 0);
	free(text);
	buf_puts(&b, "used again");
	text = buf_steal(&b, NULL);
	ck_assert_str_eq(text, "used again");
	free(text);
}
END_TEST

START_TEST(shrink_keeps_what_is_there)
{
	begin();
	buf_reserve(&b, 100000);
	buf_puts(&b, "x");
	buf_shrink(&b, 1000);
	expect_text("x");
	ck_assert_uint_ge(b.cap, 100000);
	buf_consume(&b, 1);
	buf_shrink(&b, 1 << 20);
	ck_assert_uint_ge(b.cap, 100000);
	buf_shrink(&b, 1000);
	ck_assert_uint_eq(b.cap, 0);
	ck_assert_ptr_null(b.base);
}
END_TEST

/* What is consumed and refilled again and again stays in its block. */
START_TEST(a_stream_does_not_grow)
{
	begin();
	for (int i = 0; i < 100000; i++) {
		buf_put(&b, "0123456789", 10);
		if (i >= 10)
			buf_consume(&b, 10);
	}
	ck_assert_uint_eq(buf_len(&b), 100);
	ck_assert_uint_le(b.cap, 1024);
	buf_free(&b);
}
END_TEST

START_TEST(a_failure_sticks_and_empties_nothing)
{
	begin();
	buf_puts(&b, "kept");
	fail_once();
	expect_text("kept");
	buf_puts(&b, "no");
	buf_putc(&b, 'n');
	buf_printf(&b, "%d", 1);
	buf_put(&b, "no", 2);
	ck_assert_ptr_null(buf_reserve(&b, 1));
	expect_text("kept");
	buf_clear(&b);
	ck_assert(!buf_failed(&b));
	buf_puts(&b, "new");
	expect_text("new");
	buf_free(&b);
}
END_TEST

START_TEST(steal_of_a_failed_one_is_nothing)
{
	begin();
	buf_puts(&b, "half");
	fail_once();
	ck_assert_ptr_null(buf_steal(&b, NULL));
	ck_assert_uint_eq(buf_len(&b), 0);
	ck_assert(!buf_failed(&b));
	ck_assert_ptr_null(b.base);
}
END_TEST

START_TEST(no_length_overflows)
{
	begin();
	buf_puts(&b, "x");
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX));
	ck_assert(buf_failed(&b));
	buf_clear(&b);
	ck_assert_ptr_null(buf_reserve(&b, SIZE_MAX / 2 + 1));
	ck_assert(buf_failed(&b));
	buf_free(&b);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("buf");
	TCase *tc = tcase_create("buf");

	tcase_add_loop_test(tc, is_what_a_plain_array_would_be, 0, 8);
	tcase_add_test(tc, printf_of_any_length);
	tcase_add_test(tc, steal_gives_a_text);
	tcase_add_test(tc, shrink_keeps_what_is_there);
	tcase_add_test(tc, a_stream_does_not_grow);
	tcase_add_test(tc, a_failure_sticks_and_empties_nothing);
	tcase_add_test(tc, steal_of_a_failed_one_is_nothing);
	tcase_add_test(tc, no_length_overflows);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
