#include <stdint.h>

#include "base/buf.h"
#include "proto/frame.h"
#include "proto/jtext.h"
#include "tests/lib/unit.h"

static struct frame_reader reader;
static struct buf in;

static void begin(size_t max_bytes)
{
	frame_reader_init(&reader, max_bytes);
	buf_init(&in);
}

static void end(void)
{
	buf_free(&in);
}

static void expect(enum frame_kind kind)
{
	struct frame f;

	ck_assert_int_eq(frame_next(&reader, &in, &f), kind);
}

static void expect_text(const char *text)
{
	struct frame f = { 0 };

	ck_assert_int_eq(frame_next(&reader, &in, &f), FRAME_TEXT);
	ck_assert_uint_eq(f.len, strlen(text));
	ck_assert_mem_eq(f.text, text, f.len);
}

static void put_repeated(const char *piece, size_t n)
{
	while (n-- > 0)
		buf_puts(&in, piece);
}

START_TEST(lines_come_one_by_one)
{
	begin(100);
	expect(FRAME_NONE);
	buf_puts(&in, "{\"a\":1}\n[2]\r\n{\"b\"");
	expect_text("{\"a\":1}");
	expect_text("[2]");
	expect(FRAME_NONE);
	buf_puts(&in, ":3}\n");
	expect_text("{\"b\":3}");
	expect(FRAME_NONE);
	ck_assert_uint_eq(buf_len(&in), 0);
	end();
}
END_TEST

START_TEST(blank_lines_are_skipped)
{
	begin(100);
	buf_puts(&in, "\n\r\n \t \n  \r\n\r\n {} \n\n\t\n[] \t\r\n \n");
	expect_text("{} ");
	expect_text("[] \t");
	expect(FRAME_NONE);
	ck_assert_uint_eq(buf_len(&in), 0);
	end();
}
END_TEST

START_TEST(endless_blank_is_neither_kept_nor_refused)
{
	begin(10);
	for (int i = 0; i < 1000; i++) {
		buf_puts(&in, "   \t");
		expect(FRAME_NONE);
		ck_assert_uint_eq(buf_len(&in), 0);
	}
	buf_puts(&in, "\n{}\n");
	expect_text("{}");
	end();
}
END_TEST

START_TEST(leading_blank_counts_as_part_of_the_line)
{
	begin(10);
	buf_puts(&in, "        {}\n");
	expect_text("{}");
	buf_puts(&in, "         {}\n");
	expect(FRAME_TOO_LONG);
	buf_puts(&in, "         ");
	expect(FRAME_NONE);
	buf_puts(&in, "{}\n{}\n");
	expect(FRAME_TOO_LONG);
	expect_text("{}");
	end();
}
END_TEST

START_TEST(first_byte_decides)
{
	static const char *const foreign[] = { "GET / HTTP/1.1\r\n", "\"a\"\n", "1", "\n\n  x", "\xef\xbb\xbf{}\n", "}", "\x16\x03\x01",
					       "\f{}\n" };

	for (size_t i = 0; i < sizeof(foreign) / sizeof(foreign[0]); i++) {
		begin(100);
		buf_puts(&in, foreign[i]);
		expect(FRAME_FOREIGN);
		expect(FRAME_FOREIGN);
		end();
	}
	begin(100);
	buf_put(&in, "\0{}\n", 4);
	expect(FRAME_FOREIGN);
	end();
}
END_TEST

START_TEST(only_the_first_byte_decides)
{
	begin(100);
	buf_puts(&in, "[]\nGET / HTTP/1.1\r\n\xef\xbb\xbf{}\n");
	expect_text("[]");
	expect_text("GET / HTTP/1.1");
	expect_text("\xef\xbb\xbf{}");
	end();
}
END_TEST

START_TEST(longest_line_passes_with_either_newline)
{
	begin(10);
	buf_puts(&in, "[12345678]\n[12345678]\r\n[123456789]\n[123456789]\r\n[]\n");
	expect_text("[12345678]");
	expect_text("[12345678]");
	expect(FRAME_TOO_LONG);
	expect(FRAME_TOO_LONG);
	expect_text("[]");
	expect(FRAME_NONE);
	end();
}
END_TEST

START_TEST(carriage_return_at_the_limit_waits_for_its_newline)
{
	begin(10);
	buf_puts(&in, "[12345678]");
	expect(FRAME_NONE);
	buf_puts(&in, "\r");
	expect(FRAME_NONE);
	buf_puts(&in, "\n");
	expect_text("[12345678]");
	buf_puts(&in, "[12345678]\r");
	expect(FRAME_NONE);
	buf_puts(&in, "x");
	expect(FRAME_TOO_LONG);
	buf_puts(&in, "\n[]\n");
	expect_text("[]");
	end();
}
END_TEST

START_TEST(too_long_is_told_at_once_and_once)
{
	begin(1000);
	buf_puts(&in, "{\"a\":\"");
	put_repeated("x", 994);
	expect(FRAME_NONE);
	buf_puts(&in, "x");
	expect(FRAME_TOO_LONG);
	for (int i = 0; i < 1000; i++) {
		put_repeated("y", 100);
		expect(FRAME_NONE);
		ck_assert_uint_eq(buf_len(&in), 0);
	}
	buf_puts(&in, "\"}\n{}\n");
	expect_text("{}");
	expect(FRAME_NONE);
	end();
}
END_TEST

START_TEST(a_too_long_first_line_has_a_first_byte_too)
{
	begin(10);
	buf_puts(&in, "x123456789012345");
	expect(FRAME_FOREIGN);
	end();
}
END_TEST

static void put_nested(size_t depth, const char *inner)
{
	put_repeated("[", depth);
	buf_puts(&in, inner);
	put_repeated("]", depth);
	buf_puts(&in, "\n");
}

START_TEST(depth_has_a_limit)
{
	begin(100000);
	put_nested(JTEXT_DEPTH_MAX, "1");
	put_nested(JTEXT_DEPTH_MAX + 1, "");
	put_nested(40000, "1");
	put_nested(JTEXT_DEPTH_MAX, "\"[[[[{{{{\\\"[[[[\\\\\"");
	put_nested(JTEXT_DEPTH_MAX, "{}");
	put_nested(1, "2");
	for (int i = 0; i < 3; i++)
		expect(i == 0 ? FRAME_TEXT : FRAME_TOO_DEEP);
	expect(FRAME_TEXT);
	expect(FRAME_TOO_DEEP);
	expect_text("[2]");
	expect(FRAME_NONE);
	end();
}
END_TEST

START_TEST(brackets_side_by_side_are_not_deep)
{
	begin(100000);
	buf_puts(&in, "[");
	put_repeated("{\"a\":[]},", 1000);
	buf_puts(&in, "{}]\n");
	expect(FRAME_TEXT);
	end();
}
END_TEST

/* The same lines however they are cut: each way through a stream of everything gives the same frames. */
START_TEST(pieces_make_no_difference)
{
	static const char stream[] = "\r\n {\"a\":\"\\\"[\"}\r\n\n[123456789012345678901234567890]\n[1]\n\r\n[2]\r\n \t[3]\n"
				     "not json\n[\"123456789012345678901234567890\r\r\n{}\n";
	static const enum frame_kind kinds[] = { FRAME_TEXT, FRAME_TOO_LONG, FRAME_TEXT, FRAME_TEXT,
						 FRAME_TEXT, FRAME_TEXT, FRAME_TOO_LONG, FRAME_TEXT };

	for (size_t piece = 1; piece < sizeof(stream); piece++) {
		size_t at = 0, n = 0;
		struct frame f;

		begin(24);
		while (at < sizeof(stream) - 1) {
			size_t len = sizeof(stream) - 1 - at < piece ? sizeof(stream) - 1 - at : piece;
			enum frame_kind kind;

			buf_put(&in, stream + at, len);
			at += len;
			while ((kind = frame_next(&reader, &in, &f)) != FRAME_NONE) {
				ck_assert_uint_lt(n, sizeof(kinds) / sizeof(kinds[0]));
				ck_assert_int_eq(kind, kinds[n]);
				n++;
			}
		}
		ck_assert_uint_eq(n, sizeof(kinds) / sizeof(kinds[0]));
		end();
	}
}
END_TEST

/* A byte at a time, a line of a MiB: quadratic work would take minutes. */
START_TEST(slow_arrival_is_linear)
{
	size_t size = 1 << 20;

	begin(size);
	buf_puts(&in, "{");
	for (size_t i = 0; i < size - 2; i++) {
		buf_putc(&in, ' ');
		expect(FRAME_NONE);
	}
	buf_puts(&in, "}\n");
	expect(FRAME_TEXT);
	end();
}
END_TEST

int main(void)
{
	Suite *s = suite_create("frame");
	TCase *t = tcase_create("frame");

	tcase_add_test(t, lines_come_one_by_one);
	tcase_add_test(t, blank_lines_are_skipped);
	tcase_add_test(t, endless_blank_is_neither_kept_nor_refused);
	tcase_add_test(t, leading_blank_counts_as_part_of_the_line);
	tcase_add_test(t, first_byte_decides);
	tcase_add_test(t, only_the_first_byte_decides);
	tcase_add_test(t, longest_line_passes_with_either_newline);
	tcase_add_test(t, carriage_return_at_the_limit_waits_for_its_newline);
	tcase_add_test(t, too_long_is_told_at_once_and_once);
	tcase_add_test(t, a_too_long_first_line_has_a_first_byte_too);
	tcase_add_test(t, depth_has_a_limit);
	tcase_add_test(t, brackets_side_by_side_are_not_deep);
	tcase_add_test(t, pieces_make_no_difference);
	tcase_add_test(t, slow_arrival_is_linear);
	suite_add_tcase(s, t);
	return unit_run(s);
}
