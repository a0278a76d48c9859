#include <stdio.h>
#include <string.h>

#include "client/inbox.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

static struct inbox in;
static struct jobd_error error;

static void feed(const char *text, size_t piece)
{
	size_t len = strlen(text);

	for (size_t at = 0; at < len; at += piece) {
		buf_put(&in.bytes, text + at, len - at < piece ? len - at : piece);
		inbox_read(&in);
	}
}

static int64_t taken(int64_t number)
{
	struct call *call = inbox_find(&in, number);
	json_t *result = call != NULL && call->answer != NULL ? inbox_take(&in, call, &error) : NULL;
	int64_t value = json_integer_value(result);

	json_decref(result);
	return value;
}

/* However the bytes are cut, the messages are the same. */
START_TEST(lines_come_in_pieces)
{
	inbox_init(&in, "here");
	ck_assert_ptr_nonnull(inbox_expect(&in, 1));
	ck_assert_ptr_nonnull(inbox_expect(&in, 2));
	feed("\n \t\r\n{\"id\":2,\"result\":20}\r\n  {\"method\":\"event\",\"params\":{\"x\":\"\\u0000\"}}\n{\"id\":1,\"result\":10}\n{\"id\"",
	     (size_t)_i);
	ck_assert(!inbox_failed(&in));
	ck_assert_int_eq(taken(2), 20);
	ck_assert_int_eq(taken(1), 10);
	ck_assert_ptr_null(in.calls);
	json_decref(inbox_take_event(&in));
	ck_assert_ptr_null(inbox_take_event(&in));
	ck_assert_uint_eq(buf_len(&in.bytes), 5);
	inbox_free(&in);
}
END_TEST

START_TEST(what_was_not_asked_ends_it)
{
	static const char *const lines[] = {
		"{\"id\":9,\"result\":1}\n", "{\"id\":\"1\",\"result\":1}\n", "{\"result\":1}\n", "{\"id\":null,\"result\":1}\n", "[]\n", "1\n",
		"{\n", "x\n", "{\"id\":1,\"result\":1}\n{\"id\":1,\"result\":1}\n",
	};

	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		inbox_init(&in, "here");
		ck_assert_ptr_nonnull(inbox_expect(&in, 1));
		feed(lines[i], 1000);
		ck_assert_msg(inbox_failed(&in), "%s was taken", lines[i]);
		ck_assert_str_eq(in.failure.reason, "connection");
		inbox_free(&in);
	}
}
END_TEST

/* Notifications that nobody takes stop being kept, and the last one says so. */
START_TEST(kept_notifications_are_bounded)
{
	enum { EACH = 1000, KEPT = 100 };
	char line[EACH + 100];
	size_t n = 0;
	json_t *event;
	bool lagged = false;

	inbox_init(&in, "here");
	ck_assert_uint_eq(in.event_max, INBOX_EVENTS);
	snprintf(line, sizeof(line), "{\"method\":\"event\",\"params\":{\"x\":\"%0*d\"}}\n", EACH, 0);
	in.event_max = KEPT * (strlen(line) - 1);
	for (int i = 0; i < KEPT + 5; i++)
		feed(line, EACH);
	ck_assert_uint_eq(in.event_bytes, in.event_max);
	while ((event = inbox_take_event(&in)) != NULL) {
		ck_assert(!lagged);	/* it is the last */
		lagged = json_is_string(json_object_get(event, "kind"));
		if (lagged)
			ck_assert_str_eq(json_string_value(json_object_get(event, "kind")), "lagged");
		n++;
		json_decref(event);
	}
	ck_assert(lagged);
	ck_assert_uint_eq(n, KEPT + 1);
	ck_assert_uint_eq(in.event_bytes, 0);
	feed("{\"method\":\"event\",\"params\":{\"x\":1}}\n", 1000);
	event = inbox_take_event(&in);
	ck_assert_int_eq(json_integer_value(json_object_get(event, "x")), 1);
	json_decref(event);
	inbox_free(&in);
}
END_TEST

START_TEST(an_endless_line_ends_it)
{
	char piece[65536];

	memset(piece, ' ', sizeof(piece));
	inbox_init(&in, "here");
	for (size_t bytes = 0; bytes <= INBOX_LINE; bytes += sizeof(piece)) {
		ck_assert(!inbox_failed(&in));
		buf_put(&in.bytes, piece, sizeof(piece));
		inbox_read(&in);
	}
	ck_assert(inbox_failed(&in));
	inbox_free(&in);
}
END_TEST

/* Wherever memory runs out, something is told, and nothing is lost or leaked. */
START_TEST(memory_may_run_out)
{
	static const char text[] = "{\"method\":\"event\",\"params\":{}}\n{\"id\":1,\"result\":10}\n";
	struct call *one, *two = NULL;

	inbox_init(&in, "here");
	failmem_from(_i);
	one = inbox_expect(&in, 1);
	if (one != NULL)
		two = inbox_expect(&in, 2);
	buf_put(&in.bytes, text, sizeof(text) - 1);
	if (!buf_failed(&in.bytes))
		inbox_read(&in);
	failmem_off();
	ck_assert(one != NULL || inbox_find(&in, 1) == NULL);
	ck_assert(two != NULL || inbox_find(&in, 2) == NULL);
	if (one != NULL && !buf_failed(&in.bytes))
		ck_assert_int_eq(taken(1), 10);
	inbox_free(&in);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("client_inbox");
	TCase *tc = tcase_create("inbox");

	tcase_add_loop_test(tc, lines_come_in_pieces, 1, 120);
	tcase_add_test(tc, what_was_not_asked_ends_it);
	tcase_add_test(tc, kept_notifications_are_bounded);
	tcase_add_test(tc, an_endless_line_ends_it);
	tcase_add_loop_test(tc, memory_may_run_out, 1, 9);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
