#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "event_ring.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

static struct event_ring ring;

static void put(uint64_t seq, const char *queue, const char *type, const char *reason, const char *message)
{
	struct state_event e = { .seq = seq, .at = (wall_ms)seq * 10, .id = (int64_t)seq * 2, .attempt = (int)(seq % 7),
				 .state = (enum job_state)(1 + seq % (JOB_STATES - 1)), .queue = queue, .type = type,
				 .reason = reason, .message = message };

	event_ring_put(&ring, &e);
}

static void expect(uint64_t place, uint64_t seq, const char *queue, const char *type, const char *reason, const char *message)
{
	struct state_event e = event_ring_at(&ring, place);

	ck_assert_uint_eq(e.seq, seq);
	ck_assert_int_eq(e.at, (wall_ms)seq * 10);
	ck_assert_int_eq(e.id, (int64_t)seq * 2);
	ck_assert_int_eq(e.attempt, (int)(seq % 7));
	ck_assert_int_eq((int)e.state, (int)(1 + seq % (JOB_STATES - 1)));
	ck_assert_str_eq(e.queue, queue);
	ck_assert_str_eq(e.type, type);
	ck_assert_pstr_eq(e.reason, reason);
	ck_assert_pstr_eq(e.message, message);
}

START_TEST(what_was_put)
{
	ck_assert_int_eq(event_ring_open(&ring), 0);
	ring.floor = 3;
	ck_assert_uint_eq(event_ring_seek(&ring, 0), ring.end);
	put(5, "mail", "http", NULL, NULL);
	put(6, "mail", "http", NULL, NULL);
	put(9, "mail", "http", "timeout", "too slow");
	put(10, "mail", "http", NULL, NULL);
	put(12, "mailh", "ttp", NULL, NULL);
	put(13, "mailh", "ttp", "io", "");
	expect(0, 5, "mail", "http", NULL, NULL);
	expect(1, 6, "mail", "http", NULL, NULL);
	expect(2, 9, "mail", "http", "timeout", "too slow");
	expect(3, 10, "mail", "http", NULL, NULL);
	expect(4, 12, "mailh", "ttp", NULL, NULL);
	expect(5, 13, "mailh", "ttp", "io", "");
	ck_assert_uint_eq(ring.end, 6);
	/* The first above, whether the number itself is there or not. */
	ck_assert_uint_eq(event_ring_seek(&ring, 0), 0);
	ck_assert_uint_eq(event_ring_seek(&ring, 4), 0);
	ck_assert_uint_eq(event_ring_seek(&ring, 5), 1);
	ck_assert_uint_eq(event_ring_seek(&ring, 7), 2);
	ck_assert_uint_eq(event_ring_seek(&ring, 12), 5);
	ck_assert_uint_eq(event_ring_seek(&ring, 13), 6);
	ck_assert_uint_eq(event_ring_seek(&ring, UINT64_MAX), 6);
	ck_assert_uint_eq(ring.floor, 3);
	event_ring_close(&ring);
	ck_assert_ptr_null(ring.v);
}
END_TEST

START_TEST(the_oldest_make_room)
{
	const uint64_t n = EVENT_RING_EVENTS + 1000;

	ck_assert_int_eq(event_ring_open(&ring), 0);
	for (uint64_t seq = 1; seq <= n; seq++)
		put(seq, "q", "t", NULL, NULL);
	ck_assert_uint_eq(ring.end - ring.first, EVENT_RING_EVENTS);
	ck_assert_uint_eq(ring.floor, 1000);
	expect(ring.first, 1001, "q", "t", NULL, NULL);
	expect(ring.end - 1, n, "q", "t", NULL, NULL);
	ck_assert_uint_eq(event_ring_seek(&ring, 5), ring.first);
	ck_assert_uint_eq(event_ring_seek(&ring, 1001), ring.first + 1);
	event_ring_close(&ring);
}
END_TEST

/* Texts of any length, told again from the numbers: long ones push out many of the short. */
static const char *text_of(uint64_t seq, unsigned salt)
{
	static char texts[4][5000];
	size_t len = (seq * 2654435761u >> 7) % (seq % 5 == 0 ? 4900 : 30);

	memset(texts[salt], 'a' + (int)((seq + salt) % 26), len);
	texts[salt][len] = '\0';
	return texts[salt];
}

START_TEST(texts_stay_whole_while_they_are_here)
{
	ck_assert_int_eq(event_ring_open(&ring), 0);
	for (uint64_t seq = 1; seq <= 60000; seq++) {
		bool error = seq % 3 == 0;

		put(seq, text_of(seq, 0), text_of(seq, 1), error ? text_of(seq, 2) : NULL, error ? text_of(seq, 3) : NULL);
		ck_assert_uint_eq(ring.floor + (ring.end - ring.first), seq);
		if (seq % 5000 != 0)
			continue;
		for (uint64_t place = ring.first; place < ring.end; place++) {
			uint64_t was = place + 1;

			error = was % 3 == 0;
			expect(place, was, text_of(was, 0), text_of(was, 1), error ? text_of(was, 2) : NULL,
			       error ? text_of(was, 3) : NULL);
		}
	}
	ck_assert_uint_gt(ring.first, 1000);
	event_ring_close(&ring);
}
END_TEST

/* It cannot be kept, so nothing before it may be told as if it had not been. */
START_TEST(one_that_is_too_long_leaves_a_gap_that_shows)
{
	char *huge = malloc(EVENT_RING_TEXTS + 1);

	memset(huge, 'x', EVENT_RING_TEXTS);
	huge[EVENT_RING_TEXTS] = '\0';
	ck_assert_int_eq(event_ring_open(&ring), 0);
	put(1, "q", "t", NULL, NULL);
	put(2, "q", "t", "handler", huge);
	ck_assert_uint_eq(ring.floor, 2);
	ck_assert_uint_eq(ring.first, ring.end);
	put(3, "q", "t", NULL, NULL);
	ck_assert_uint_eq(event_ring_seek(&ring, 0), ring.first);
	expect(ring.first, 3, "q", "t", NULL, NULL);
	event_ring_close(&ring);
	free(huge);
}
END_TEST

START_TEST(no_memory)
{
	for (int n = 1; n <= 2; n++) {
		int rc;

		failmem_from(n);
		rc = event_ring_open(&ring);
		failmem_off();
		ck_assert_int_eq(rc, -ENOMEM);
	}
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("event_ring");
	TCase *tc = tcase_create("event_ring");

	tcase_add_test(tc, what_was_put);
	tcase_add_test(tc, the_oldest_make_room);
	tcase_add_test(tc, texts_stay_whole_while_they_are_here);
	tcase_add_test(tc, one_that_is_too_long_leaves_a_gap_that_shows);
	tcase_add_test(tc, no_memory);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
