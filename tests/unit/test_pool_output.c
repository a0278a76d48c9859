/* The output of commands: what is told, what is kept, how fast it may come. */
#include "tests/lib/unit.h"

#include <string.h>

#include "tests/lib/poolrig.h"

static void binary_main(void *arg)
{
	struct rig_task *t = rig_do("exec", "{\"argv\": [\"printf\", \"a\\\\000\\\\377\"]}");

	(void)arg;
	ck_assert_str_eq(rig_result_string(t, "stdout_base64"), "YQD/");
	ck_assert_ptr_null(rig_result_string(t, "stdout"));
	ck_assert(buf_len(&t->out[0]) == 3 && memcmp(buf_data(&t->out[0]), "a\0\xff", 3) == 0);
	rig_free(&t);
}

START_TEST(binary_output)
{
	rig_run(binary_main);
}
END_TEST

/* The last 64 KiB, from a character's border on. */
static void tail_main(void *arg)
{
	struct rig_task *t = rig_do("exec", "{\"command\": \"yes '\\u20ac' | head -c 400000 | tr -d '\\\\n'; printf end\"}");
	const char *text;

	(void)arg;
	text = rig_result_string(t, "stdout");
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_le(strlen(text), 65536);
	ck_assert_uint_ge(strlen(text), 65536 - 3);
	ck_assert_int_eq(strncmp(text, "\xe2\x82\xac", 3), 0);
	ck_assert_str_eq(text + strlen(text) - 3, "end");
	ck_assert_int_eq(t->task.output_bytes[0], 300003);
	ck_assert_uint_eq(buf_len(&t->out[0]), 300003);
	rig_free(&t);
}

/* What is in the result is what was told last, wherever the end of it comes to lie. */
static void whole_tail_main(void *arg)
{
	static const char *const args[] = {
		"{\"command\": \"seq 1 60000; seq 60000 -7 1 >&2\"}",
		"{\"command\": \"seq 1 72000; seq 72000 >&2\"}",
		"{\"command\": \"seq 1 84000; echo a >&2\"}",
	};

	(void)arg;
	for (size_t a = 0; a < sizeof(args) / sizeof(args[0]); a++) {
		struct rig_task *t = rig_do("exec", args[a]);

		for (int i = 0; i < 2; i++) {
			const char *text = rig_result_string(t, i == 0 ? "stdout" : "stderr");
			size_t len = buf_len(&t->out[i]), kept = len < 65536 ? len : 65536;

			ck_assert_uint_eq(strlen(text), kept);
			ck_assert(memcmp(text, buf_data(&t->out[i]) + len - kept, kept) == 0);
		}
		ck_assert_uint_gt(buf_len(&t->out[0]), 5 * 65536);
		rig_free(&t);
	}
}

START_TEST(the_tail_is_the_last_of_it)
{
	rig_run(whole_tail_main);
}
END_TEST

START_TEST(the_tail_begins_with_a_character)
{
	rig_run(tail_main);
}
END_TEST

static bool has_output(void *arg)
{
	struct rig_task *t = arg;

	return buf_len(&t->out[0]) >= 1024 * 1024;
}

/* What is not acknowledged is bounded; once it is, everything comes. */
static void slow_main(void *arg)
{
	enum { ALL = 5 * 1000 * 1000, BOUND = 1024 * 1024 + 2 * 64 * 1024 };
	struct rig_task *t = rig_start("exec", "{\"command\": \"head -c 5000000 /dev/zero | tr '\\\\0' x; echo end >&2\"}");
	size_t acknowledged = 0;

	(void)arg;
	t->keep_acks = true;
	rig_until(has_output, t);
	coro_sleep(clock_after(30 * RIG_MS));		/* were there no bound, it would all have come */
	ck_assert_uint_le(buf_len(&t->out[0]), BOUND);
	while (!t->ended) {
		size_t have = buf_len(&t->out[0]);

		ck_assert_uint_le(have, acknowledged + BOUND);
		pool_output_done(&t->task, have - acknowledged);
		acknowledged = have;
		coro_sleep(clock_after(RIG_MS));
	}
	ck_assert_msg(t->outcome.succeeded, "%s", t->outcome.message);
	ck_assert_uint_eq(buf_len(&t->out[0]), ALL);
	buf_putc(&t->out[0], '\0');
	ck_assert_uint_eq(strspn(buf_data(&t->out[0]), "x"), ALL);
	ck_assert_str_eq(rig_result_string(t, "stderr"), "end\n");
	pool_output_done(&t->task, 1);			/* late: harmless */
	rig_free(&t);
}

START_TEST(slow_acknowledgement)
{
	rig_run(slow_main);
}
END_TEST

static void kept_main(void *arg)
{
	struct rig_task *t = rig_do("exec", "{\"command\": \"head -c 300000 /dev/zero; printf more; printf err >&2\"}");

	(void)arg;
	ck_assert(t->outcome.succeeded);
	ck_assert_uint_eq(buf_len(&t->out[0]), 100000);
	ck_assert_int_eq(t->task.output_bytes[0], 300004);
	ck_assert_int_eq(t->task.output_bytes[1], 3);
	ck_assert_uint_eq(buf_len(&t->out[1]), 3);
	ck_assert_ptr_nonnull(strstr(rig_result_string(t, "stderr"), "err"));
	rig_free(&t);
}

START_TEST(only_so_much_is_kept)
{
	rig_conf.output_bytes = 100000;
	rig_run(kept_main);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("pool_output");
	TCase *t = tcase_create("pool_output");

	tcase_add_test(t, binary_output);
	tcase_add_test(t, the_tail_is_the_last_of_it);
	tcase_add_test(t, the_tail_begins_with_a_character);
	tcase_add_test(t, slow_acknowledgement);
	tcase_add_test(t, only_so_much_is_kept);
	suite_add_tcase(s, t);
	return s;
}

int main(int argc, char **argv)
{
	rig_worker(argc, argv, NULL);
	return unit_run(suite());
}
