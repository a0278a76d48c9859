#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "client/lines.h"
#include "tests/lib/unit.h"

static char path[64];
static struct lines lines;

static void write_file(const char *text, size_t len)
{
	int fd;

	snprintf(path, sizeof(path), "/tmp/jobd-lines-XXXXXX");
	fd = mkstemp(path);
	ck_assert_int_ge(fd, 0);
	ck_assert_int_eq(write(fd, text, len), (ssize_t)len);
	close(fd);
	ck_assert_int_eq(lines_open(&lines, path), 0);
	unlink(path);
}

static void expect(const char *wanted, int64_t number)
{
	const char *line;
	size_t len;

	ck_assert_int_eq(lines_next(&lines, &line, &len), 1);
	ck_assert_uint_eq(len, strlen(wanted));
	ck_assert_mem_eq(line, wanted, len);
	ck_assert_int_eq(lines.number, number);
}

static void expect_end(int64_t bytes)
{
	const char *line;
	size_t len;

	for (int again = 0; again < 2; again++)
		ck_assert_int_eq(lines_next(&lines, &line, &len), 0);
	ck_assert_int_eq(lines.bytes, bytes);
	lines_close(&lines);
}

START_TEST(lines_are_numbered)
{
	write_file("one\n\nthree\n", 11);
	expect("one", 1);
	expect("", 2);
	expect("three", 3);
	expect_end(11);
}
END_TEST

START_TEST(the_last_needs_no_newline)
{
	write_file("one\nlast", 8);
	expect("one", 1);
	expect("last", 2);
	expect_end(8);
	write_file("", 0);
	expect_end(0);
}
END_TEST

START_TEST(lines_may_be_longer_than_what_is_read_at_once)
{
	enum { LONG = 3 * 1024 * 1024 };
	char *text = malloc(LONG + 3);

	memset(text, 'x', LONG);
	memcpy(text + LONG, "\ny", 3);
	write_file(text, LONG + 2);
	text[LONG] = '\0';
	expect(text, 1);
	expect("y", 2);
	expect_end(LONG + 2);
	free(text);
}
END_TEST

/* A pipe gives little at a time, and may end anywhere. */
START_TEST(a_pipe_is_read_as_it_comes)
{
	int ends[2];

	ck_assert_int_eq(pipe(ends), 0);
	memset(&lines, 0, sizeof(lines));
	lines.fd = ends[0];
	ck_assert_int_eq(write(ends[1], "o", 1), 1);
	ck_assert_int_eq(write(ends[1], "ne\nt", 4), 4);
	expect("one", 1);
	ck_assert_int_eq(write(ends[1], "wo", 2), 2);
	close(ends[1]);
	expect("two", 2);
	expect_end(7);
}
END_TEST

START_TEST(there_is_an_end_to_patience)
{
	char *text = malloc(LINES_MAX_BYTES + 300000);
	const char *line;
	size_t len;

	memset(text, 'x', LINES_MAX_BYTES + 300000);
	write_file(text, LINES_MAX_BYTES + 300000);
	ck_assert_int_eq(lines_next(&lines, &line, &len), -EFBIG);
	ck_assert_int_eq(lines.number, 1);
	lines_close(&lines);
	free(text);
	ck_assert_int_eq(lines_open(&lines, "/nonexistent"), -ENOENT);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("client_lines");
	TCase *tc = tcase_create("lines");

	tcase_add_test(tc, lines_are_numbered);
	tcase_add_test(tc, the_last_needs_no_newline);
	tcase_add_test(tc, lines_may_be_longer_than_what_is_read_at_once);
	tcase_add_test(tc, a_pipe_is_read_as_it_comes);
	tcase_add_test(tc, there_is_an_end_to_patience);
	suite_add_tcase(s, tc);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
