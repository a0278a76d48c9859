/* streamtest: what both ends of a stream do in the tests: echo, talk, flood, fill up. */
#ifndef JOBD_TEST_STREAMTEST_H
#define JOBD_TEST_STREAMTEST_H

#include <stdlib.h>

#include "coro/stream.h"
#include "tests/lib/looptest.h"

enum { FLOOD = 8 * 1024 * 1024, LONG = 10000 * MS };

static struct stream *left, *right;
static int outcome;

/* ---- reading and writing ---- */

static inline void echo(void *arg)
{
	struct stream *s = arg;
	char bytes[1000];
	ssize_t n;

	while ((n = stream_read(s, bytes, sizeof(bytes), MONO_NEVER)) > 0)
		ck_assert_int_eq(stream_write(s, bytes, (size_t)n, MONO_NEVER), 0);
	ck_assert_int_eq(n, 0);
	stream_shutdown(s);
}

static inline void read_exactly(struct stream *s, char *to, size_t n)
{
	while (n > 0) {
		ssize_t got = stream_read(s, to, n, clock_after(LONG));

		ck_assert_int_gt(got, 0);
		to += got;
		n -= (size_t)got;
	}
}

static inline void converse(void *arg)
{
	struct stream *s = arg;
	char answer[6] = "";

	for (int i = 0; i < 100; i++) {
		ck_assert_int_eq(stream_write(s, "hello", 5, clock_after(LONG)), 0);
		read_exactly(s, answer, 5);
		ck_assert_str_eq(answer, "hello");
	}
	stream_shutdown(s);
	ck_assert_int_eq(stream_read(s, answer, 1, clock_after(LONG)), 0);
	ck_assert_int_eq(stream_read(s, answer, 1, clock_after(LONG)), 0);	/* and so it stays */
}

/* ---- a flood: more than any buffer holds, written at one go ---- */

static inline unsigned char flood_byte(size_t at)
{
	return (unsigned char)(at * 31 + (at >> 8) + (at >> 16));
}

static inline void write_flood(void *arg)
{
	struct stream *s = arg;
	char *bytes = malloc(FLOOD);

	ck_assert_ptr_nonnull(bytes);
	for (size_t i = 0; i < FLOOD; i++)
		bytes[i] = (char)flood_byte(i);
	ck_assert_int_eq(stream_write(s, bytes, FLOOD, clock_after(LONG)), 0);
	stream_shutdown(s);
	free(bytes);
}

static inline void read_flood(void *arg)
{
	struct stream *s = arg;
	static char bytes[100000];
	size_t at = 0;
	ssize_t n;

	while ((n = stream_read(s, bytes, sizeof(bytes), clock_after(LONG))) > 0) {
		for (ssize_t i = 0; i < n; i++)
			if ((unsigned char)bytes[i] != flood_byte(at + (size_t)i))
				ck_abort_msg("byte %zu is wrong", at + (size_t)i);
		at += (size_t)n;
		if (at % 7 == 0)
			coro_yield();
	}
	ck_assert_int_eq(n, 0);
	ck_assert_uint_eq(at, FLOOD);
}

/* ---- full ---- */

static inline void fill(struct stream *s)
{
	static const char filling[65536];

	while (stream_try_write(s, filling, sizeof(filling)) > 0)
		;
}

static inline void write_when_full(void *arg)
{
	outcome = stream_write(arg, "x", 1, clock_after(LONG));
}

#endif
