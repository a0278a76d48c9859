#include "tests/lib/unit.h"

#include <errno.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "kinds/outcome.h"
#include "work/wire.h"

static struct buf b;

static void setup(void)
{
	buf_init(&b);
}

static void teardown(void)
{
	buf_free(&b);
}

static struct wire_frame next(enum wire_type type)
{
	struct wire_frame f;

	ck_assert_int_eq(wire_next(&b, WIRE_FRAME_MAX, &f), 1);
	ck_assert_int_eq(f.type, type);
	return f;
}

START_TEST(every_frame_comes_back)
{
	struct wire_run run = { .ticket = 7, .place = 3, .brief = true, .id = INT64_MAX, .attempt = 100, .type = "noop",
				.type_len = 4, .args = "{\"a\":\"b\"}", .args_len = 9 };
	struct wire_run got;
	struct wire_frame f;
	uint32_t n;
	uint8_t signo;

	wire_put_hello(&b);
	wire_put_run(&b, &run);
	wire_put_started(&b, 0xfffffffe);
	wire_put_progress(&b, "{}", 2);
	wire_put_ack(&b, 65536);
	wire_put_stop(&b, 9, 15);
	wire_put_quit(&b);
	f = next(WIRE_HELLO);
	ck_assert(wire_get_hello(&f, &n) == 0 && n == WIRE_VERSION);
	f = next(WIRE_RUN);
	ck_assert_int_eq(wire_get_run(&f, &got), 0);
	ck_assert(got.ticket == 7 && got.place == 3 && got.brief && got.id == INT64_MAX && got.attempt == 100);
	ck_assert(got.type_len == 4 && memcmp(got.type, "noop", 4) == 0);
	ck_assert(got.args_len == 9 && memcmp(got.args, run.args, 9) == 0);
	f = next(WIRE_STARTED);
	ck_assert(wire_get_started(&f, &n) == 0 && n == 0xfffffffe);
	f = next(WIRE_PROGRESS);
	ck_assert(f.len == 2 && memcmp(f.payload, "{}", 2) == 0);
	f = next(WIRE_ACK);
	ck_assert(wire_get_ack(&f, &n) == 0 && n == 65536);
	f = next(WIRE_STOP);
	ck_assert(wire_get_stop(&f, &n, &signo) == 0 && n == 9 && signo == 15);
	f = next(WIRE_QUIT);
	ck_assert_uint_eq(f.len, 0);
	ck_assert_uint_eq(buf_len(&b), 0);
}
END_TEST

START_TEST(output_is_written_in_place)
{
	struct wire_frame f;
	struct wire_output o;
	char *to;

	wire_put_started(&b, 1);
	to = wire_output_reserve(&b, 65536);
	ck_assert_ptr_nonnull(to);
	memcpy(to, "hello", 5);
	wire_output_commit(&b, 1, 1LL << 40, 5);
	wire_put_started(&b, 2);
	next(WIRE_STARTED);
	f = next(WIRE_OUTPUT);
	ck_assert_int_eq(wire_get_output(&f, &o), 0);
	ck_assert(o.stream == 1 && o.offset == 1LL << 40 && o.len == 5 && memcmp(o.data, "hello", 5) == 0);
	next(WIRE_STARTED);
}
END_TEST

static void done_comes_back(const struct outcome *from)
{
	const int64_t produced[2] = { 5, 1LL << 50 };
	int64_t got_produced[2];
	struct outcome o;
	struct wire_frame f;
	uint32_t ticket;

	outcome_init(&o);
	wire_put_done(&b, 3, produced, from);
	f = next(WIRE_DONE);
	ck_assert_int_eq(wire_get_done(&f, &ticket, got_produced, &o), 0);
	ck_assert(ticket == 3 && got_produced[0] == 5 && got_produced[1] == 1LL << 50);
	ck_assert(o.succeeded == from->succeeded && o.final == from->final && o.retry_after == from->retry_after);
	ck_assert_str_eq(o.reason, from->reason);
	ck_assert_str_eq(o.message, from->message);
	ck_assert((o.result == NULL) == (from->result == NULL));
	if (o.result != NULL)
		ck_assert_str_eq(o.result, from->result);
	ck_assert_uint_eq(o.result_len, from->result_len);
	outcome_free(&o);
}

START_TEST(outcomes_come_back)
{
	struct outcome o;

	outcome_init(&o);
	outcome_fail_for_good(&o, "spawn", "cannot execute \"x\": %s", strerror(ENOENT));
	o.retry_after = 12345678901234;
	done_comes_back(&o);
	outcome_succeed(&o, strdup("{\"a\":1}"), 7);
	done_comes_back(&o);
	outcome_fail(&o, "aaaaaaaaaaaaaaaaaaaaaaa", "%0255d", 1);
	done_comes_back(&o);
	outcome_free(&o);
	outcome_succeed(&o, strdup(""), 0);
	done_comes_back(&o);
	outcome_free(&o);
}
END_TEST

/* However the bytes arrive, the frames are the same. */
START_TEST(bytes_one_by_one)
{
	struct wire_frame f;
	struct buf in;

	buf_init(&in);
	wire_put_started(&b, 1);
	wire_put_progress(&b, "[1]", 3);
	for (size_t left = buf_len(&b); left > 0; left--) {
		ck_assert_int_eq(wire_next(&in, 100, &f), 0);
		buf_put(&in, buf_data(&b), 1);
		buf_consume(&b, 1);
		if (left == 4 + WIRE_HEADER) {
			ck_assert_int_eq(wire_next(&in, 100, &f), 1);
			ck_assert_int_eq(f.type, WIRE_STARTED);
		}
	}
	ck_assert_int_eq(wire_next(&in, 100, &f), 1);
	ck_assert_int_eq(f.type, WIRE_PROGRESS);
	buf_free(&in);
}
END_TEST

static void refuse_bytes(const void *bytes, size_t n, size_t max)
{
	struct wire_frame f;

	buf_clear(&b);
	buf_put(&b, bytes, n);
	ck_assert_int_eq(wire_next(&b, max, &f), -EPROTO);
}

START_TEST(what_is_no_frame_is_refused)
{
	refuse_bytes("\0\0\0\0\0", 5, 100);			/* not even a type */
	refuse_bytes("\1\0\0\0\x09", 5, 100);			/* a type there is not */
	refuse_bytes("\1\0\0\0\xff", 5, 100);
	refuse_bytes("\x66\0\0\0\2", 5, 100);			/* longer than allowed */
	refuse_bytes("\xff\xff\xff\xff\2", 5, WIRE_FRAME_MAX);
	refuse_bytes("GET / HTTP/1.1\r\n", 16, WIRE_FRAME_MAX);
}
END_TEST

/* Each payload, cut at each length, is told from a whole one. */
START_TEST(short_payloads_are_refused)
{
	struct wire_run run = { .type = "t", .type_len = 1, .args = "", .args_len = 0 };
	const int64_t produced[2] = { 0, 0 };
	int64_t got[2];
	struct outcome o;
	struct wire_output out;
	struct wire_frame f;
	uint32_t n;
	uint8_t signo;

	outcome_init(&o);
	outcome_fail(&o, "r", "m");
	wire_put_run(&b, &run);
	wire_put_started(&b, 1);
	wire_put_ack(&b, 1);
	wire_put_stop(&b, 1, 1);
	wire_put_done(&b, 1, produced, &o);
	ck_assert_ptr_nonnull(wire_output_reserve(&b, 0));
	wire_output_commit(&b, 0, 0, 0);
	for (f = next(WIRE_RUN); f.len-- > 0;)
		ck_assert_int_eq(wire_get_run(&f, &run), -EPROTO);
	for (f = next(WIRE_STARTED); f.len-- > 0;)
		ck_assert_int_eq(wire_get_started(&f, &n), -EPROTO);
	for (f = next(WIRE_ACK); f.len-- > 0;)
		ck_assert_int_eq(wire_get_ack(&f, &n), -EPROTO);
	for (f = next(WIRE_STOP); f.len-- > 0;)
		ck_assert_int_eq(wire_get_stop(&f, &n, &signo), -EPROTO);
	for (f = next(WIRE_DONE); f.len-- > 0;)
		ck_assert_int_eq(wire_get_done(&f, &n, got, &o), -EPROTO);
	for (f = next(WIRE_OUTPUT); f.len-- > 0;)
		ck_assert_int_eq(wire_get_output(&f, &out), -EPROTO);
}
END_TEST

START_TEST(payloads_that_lie_are_refused)
{
	const int64_t produced[2] = { 0, 0 };
	int64_t got[2];
	struct outcome o;
	struct wire_output out;
	struct wire_frame f;
	uint32_t ticket;

	outcome_init(&o);
	wire_put_done(&b, 1, produced, &o);
	buf_data(&b)[WIRE_HEADER + 4 + 8 + 8 + 1 + 8] = 24;	/* a reason longer than there is room for */
	for (int i = 0; i < 24; i++)
		buf_putc(&b, 'x');
	buf_data(&b)[0] += 24;
	f = next(WIRE_DONE);
	ck_assert_int_eq(wire_get_done(&f, &ticket, got, &o), -EPROTO);
	wire_put_started(&b, 1);
	buf_data(&b)[0]++;					/* a byte too many */
	buf_putc(&b, 'x');
	f = next(WIRE_STARTED);
	ck_assert_int_eq(wire_get_started(&f, &ticket), -EPROTO);
	ck_assert_ptr_nonnull(wire_output_reserve(&b, 0));
	wire_output_commit(&b, 2, 0, 0);			/* no such stream */
	ck_assert_ptr_nonnull(wire_output_reserve(&b, 0));
	wire_output_commit(&b, 0, -1, 0);
	f = next(WIRE_OUTPUT);
	ck_assert_int_eq(wire_get_output(&f, &out), -EPROTO);
	f = next(WIRE_OUTPUT);
	ck_assert_int_eq(wire_get_output(&f, &out), -EPROTO);
}
END_TEST

/* The table, once more in words. */
START_TEST(legal_frames)
{
	static const struct {
		enum wire_side from;
		enum wire_state state;
		const char *types;
	} rows[] = {
		{ WIRE_PROCESS, WIRE_STARTING, "HELLO" },
		{ WIRE_PROCESS, WIRE_IDLE, "" },
		{ WIRE_PROCESS, WIRE_HANDED, "STARTED" },
		{ WIRE_PROCESS, WIRE_BUSY, "PROGRESS OUTPUT DONE" },
		{ WIRE_POOL, WIRE_STARTING, "" },
		{ WIRE_POOL, WIRE_IDLE, "RUN ACK STOP QUIT" },
		{ WIRE_POOL, WIRE_HANDED, "RUN ACK STOP QUIT" },
		{ WIRE_POOL, WIRE_BUSY, "RUN ACK STOP" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
		for (enum wire_type t = 0; t < WIRE_TYPES; t++) {
			bool named = strstr(rows[i].types, wire_type_name(t)) != NULL;

			ck_assert_msg(wire_legal(rows[i].from, rows[i].state, t) == named, "row %zu, %s", i, wire_type_name(t));
		}
	}
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("wire");
	TCase *t = tcase_create("wire");

	tcase_add_checked_fixture(t, setup, teardown);
	tcase_add_test(t, every_frame_comes_back);
	tcase_add_test(t, output_is_written_in_place);
	tcase_add_test(t, outcomes_come_back);
	tcase_add_test(t, bytes_one_by_one);
	tcase_add_test(t, what_is_no_frame_is_refused);
	tcase_add_test(t, short_payloads_are_refused);
	tcase_add_test(t, payloads_that_lie_are_refused);
	tcase_add_test(t, legal_frames);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
