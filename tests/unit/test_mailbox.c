#include <errno.h>
#include <stdint.h>
#include <string.h>

#include "coro/loop.h"
#include "mailbox.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

static struct mailbox m;
static int readies;
static struct coro_group group;

static void on_ready(void *arg)
{
	hold(arg == &readies);
	readies++;
}

static void begin(void)
{
	readies = 0;
	mailbox_init(&m, on_ready, &readies);
}

static void begin_loop(void)
{
	struct loop_conf conf = { .coroutines_max = 100 };

	ck_assert_int_eq(loop_open(&conf), 0);
	coro_group_init(&group);
	begin();
}

static void end_loop(void)
{
	loop_run();
	loop_close();
	mailbox_free(&m);
}

/* A line of n bytes is put; the bytes stay the caller's. */
static void put(const char *text, size_t n)
{
	struct buf line = { .base = (char *)(uintptr_t)text, .end = n, .cap = n };

	mailbox_put(&m, &line);
}

static void fill(size_t bytes)
{
	static char line[1024];

	memset(line, 'x', sizeof(line));
	while (mailbox_pending(&m) < bytes)
		put(line, sizeof(line));
}

START_TEST(lines_in_order)
{
	begin();
	put("one", 3);
	put("two", 3);
	ck_assert_int_eq(readies, 2);
	ck_assert_uint_eq(mailbox_pending(&m), 8);
	ck_assert_mem_eq(buf_data(&m.out), "one\ntwo\n", 8);
	mailbox_sent(&m, 5);
	ck_assert_mem_eq(buf_data(&m.out), "wo\n", 3);
	m.sending = 10;
	ck_assert_uint_eq(mailbox_pending(&m), 13);
	mailbox_free(&m);
}
END_TEST

START_TEST(a_closed_one_takes_nothing)
{
	begin();
	m.closed = true;
	put("one", 3);
	ck_assert_uint_eq(mailbox_pending(&m), 0);
	ck_assert_int_eq(readies, 0);
	mailbox_free(&m);
}
END_TEST

/* A line that is lost would be a gap that nobody sees: rather no more lines, and the session is told. */
START_TEST(a_lost_line_closes_it)
{
	begin();
	failmem_from(1);
	put("one", 3);
	failmem_off();
	ck_assert(m.closed);
	ck_assert_int_eq(readies, 1);
	put("two", 3);
	ck_assert_uint_eq(mailbox_pending(&m), 0);
	mailbox_free(&m);
}
END_TEST

START_TEST(memory_goes_back_when_it_is_empty)
{
	begin();
	fill(4 * MAILBOX_HIGH);
	mailbox_sent(&m, mailbox_pending(&m));
	ck_assert_uint_eq(m.out.cap, 0);
	mailbox_free(&m);
}
END_TEST

/* ---- large replies ---- */

static int entered, waited_rc;

static void enter_main(void *arg)
{
	(void)arg;
	waited_rc = mailbox_enter_large(&m);
	if (waited_rc == 0)
		entered++;
}

static void spawn_entrants(int n)
{
	while (n-- > 0)
		ck_assert_int_eq(coro_spawn(&group, "entrant", enter_main, NULL), 0);
}

static void settle(void)
{
	for (int i = 0; i < 5; i++)
		ck_assert_int_eq(coro_yield(), 0);
}

static void few_at_once_main(void *arg)
{
	(void)arg;
	spawn_entrants(MAILBOX_LARGE + 3);
	settle();
	ck_assert_int_eq(entered, MAILBOX_LARGE);
	mailbox_leave_large(&m);
	settle();
	ck_assert_int_eq(entered, MAILBOX_LARGE + 1);
	mailbox_leave_large(&m);
	mailbox_leave_large(&m);
	settle();
	ck_assert_int_eq(entered, MAILBOX_LARGE + 3);
}

START_TEST(few_large_replies_at_once)
{
	begin_loop();
	entered = 0;
	ck_assert_int_eq(coro_spawn(&group, "test", few_at_once_main, NULL), 0);
	end_loop();
}
END_TEST

static void none_while_full_main(void *arg)
{
	(void)arg;
	fill(MAILBOX_HIGH + 1);
	spawn_entrants(1);
	settle();
	ck_assert_int_eq(entered, 0);
	mailbox_sent(&m, 2000);
	settle();
	ck_assert_int_eq(entered, 1);
	/* What has left the buffer and is being sent counts. */
	m.sending = MAILBOX_HIGH;
	fill(MAILBOX_HIGH + 1);
	spawn_entrants(1);
	settle();
	ck_assert_int_eq(entered, 1);
	m.sending = 0;
	mailbox_sent(&m, 0);
	settle();
	ck_assert_int_eq(entered, 2);
}

START_TEST(no_large_reply_while_it_is_full)
{
	begin_loop();
	entered = 0;
	ck_assert_int_eq(coro_spawn(&group, "test", none_while_full_main, NULL), 0);
	end_loop();
}
END_TEST

static void cancelled_main(void *arg)
{
	struct coro_group waiting;

	(void)arg;
	coro_group_init(&waiting);
	m.large = MAILBOX_LARGE;
	ck_assert_int_eq(coro_spawn(&waiting, "entrant", enter_main, NULL), 0);
	settle();
	coro_group_cancel(&waiting);
	coro_group_join(&waiting);
	ck_assert_int_eq(waited_rc, -ECANCELED);
	ck_assert_uint_eq(m.large, MAILBOX_LARGE);
}

START_TEST(a_cancelled_wait_takes_no_place)
{
	begin_loop();
	ck_assert_int_eq(coro_spawn(&group, "test", cancelled_main, NULL), 0);
	end_loop();
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("mailbox");
	TCase *tc = tcase_create("mailbox");

	tcase_add_test(tc, lines_in_order);
	tcase_add_test(tc, a_closed_one_takes_nothing);
	tcase_add_test(tc, a_lost_line_closes_it);
	tcase_add_test(tc, memory_goes_back_when_it_is_empty);
	tcase_add_test(tc, few_large_replies_at_once);
	tcase_add_test(tc, no_large_reply_while_it_is_full);
	tcase_add_test(tc, a_cancelled_wait_takes_no_place);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
