/* Time zone files that are cut, changed or made up: each gives an error or a sane zone. Files are in memory only. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "cron/cron.h"
#include "tests/lib/chance.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"
#include "cron/zone.h"
#include "cron/zone_file.h"

enum { BYTES_MAX = 300 << 10, WHY = 300, SPANS_MAX = 2000 + 2 * 150 };

#define WHILE (INT64_C(150) * 366 * 86400)

struct file {
	unsigned char bytes[BYTES_MAX];
	size_t len;
};

static struct file file;

static void load(const char *name)
{
	char path[100];
	ssize_t n;
	int fd;

	snprintf(path, sizeof(path), ZONE_DIRECTORY "/%s", name);
	fd = open(path, O_RDONLY | O_CLOEXEC);
	n = read(fd, file.bytes, sizeof(file.bytes));
	ck_assert_msg(n > 0, "%s", path);
	file.len = (size_t)n;
	close(fd);
}

static int open_bytes(const unsigned char *bytes, size_t len, struct zone **zone, char *why)
{
	int fd = memfd_create("zone", MFD_CLOEXEC), rc;
	char name[20];

	hold(fd >= 0 && write(fd, bytes, len) == (ssize_t)len);
	snprintf(name, sizeof(name), "%d", fd);
	rc = zone_open_in("/proc/self/fd", name, zone, why, WHY);
	close(fd);
	return rc;
}

/* ---- a zone that was opened can be used ---- */

static void expect_spans(const struct zone *zone)
{
	struct zone_span span = zone_span(zone, 0);
	int n = 0;

	hold(span.from <= 0 && span.until > 0);
	while (span.until < WHILE) {
		struct zone_span next = zone_span(zone, span.until);

		hold(next.from == span.until && next.until > next.from);
		hold(abs(next.offset) < 26 * 3600);
		hold(n++ < SPANS_MAX);
		span = next;
	}
}

static void expect_firings(const struct zone *zone)
{
	static const char *const texts[] = { "* * * * *", "30 2 * * *", "0 0 29 2 *", "0 0 30 2 *" };
	struct cron cron;
	char why[CRON_WHY];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		wall_ms at = INT64_C(1795219200123) - (wall_ms)chance_below(1u << 30) * 1000;

		hold(cron_parse(texts[i], &cron, why, sizeof(why)) == 0);
		for (int n = 0; n < 3 && at >= 0; n++) {
			unsigned months;
			wall_ms next = cron_next_counting(&cron, zone, at, &months);

			hold(next == -1 || next > at);
			hold(months <= 98 + 3 * SPANS_MAX);
			at = next;
		}
	}
}

/* From a block of just that size, so that a sanitizer sees a step beyond it. */
static int parse_exactly(const unsigned char *bytes, size_t len)
{
	unsigned char *block = malloc(len);
	struct zone_table table;
	const char *why;
	int rc;

	hold(block != NULL || len == 0);
	if (len > 0)
		memcpy(block, bytes, len);
	rc = zone_file_parse(block, len, &table, &why);
	zone_table_clear(&table);
	free(block);
	return rc;
}

static void expect_error_or_sense(const unsigned char *bytes, size_t len)
{
	struct zone *zone;
	char why[WHY] = "";
	int rc = open_bytes(bytes, len, &zone, why);

	hold(parse_exactly(bytes, len) == rc);
	if (rc != 0) {
		hold(rc == -EBADMSG && zone == NULL && strncmp(why, "cannot be used: /proc/self/fd/", 30) == 0);
		return;
	}
	expect_spans(zone);
	expect_firings(zone);
	zone_close(&zone);
}

static const char *const some[] = { "Europe/Berlin", "America/New_York", "Australia/Lord_Howe", "Africa/Casablanca", "UTC",
				    "Factory", "Asia/Gaza" };

START_TEST(cut_anywhere)
{
	load(some[_i]);
	for (size_t len = 0; len < file.len; len++) {
		struct zone *zone;
		char why[WHY] = "";
		int rc = open_bytes(file.bytes, len, &zone, why);

		hold(parse_exactly(file.bytes, len) == rc);
		ck_assert_msg(rc == -EBADMSG, "%zu bytes: %d", len, rc);
		hold(strcmp(why + strlen(why) - strlen("ends too early"), "ends too early") == 0);
	}
	expect_error_or_sense(file.bytes, file.len);
}
END_TEST

START_TEST(bits_flipped)
{
	load(some[_i]);
	chance_seed((uint64_t)_i);
	for (int n = 0; n < 4000; n++) {
		unsigned char bytes[8 << 10];

		memcpy(bytes, file.bytes, file.len);
		for (unsigned flips = 1 + chance_below(4); flips > 0; flips--) {
			/* Half of them where they do most harm: the second header, and what ends the file. */
			size_t at = chance_below(4) == 0 ? file.len - 1 - chance_below(40) : chance_below((unsigned)file.len);

			bytes[at] = (unsigned char)(bytes[at] ^ 1u << chance_below(8));
		}
		expect_error_or_sense(bytes, file.len);
	}
}
END_TEST

START_TEST(random_bytes)
{
	chance_seed(9);
	for (int n = 0; n < 4000; n++) {
		unsigned char bytes[400];
		size_t len = chance_below(sizeof(bytes));

		for (size_t i = 0; i < len; i++)
			bytes[i] = (unsigned char)(chance_below(3) == 0 ? chance_below(256) : chance_below(3));
		if (len > 5)
			memcpy(bytes, "TZif2", 5);
		if (len > 49)
			memcpy(bytes + 44, "TZif2", 5);
		expect_error_or_sense(bytes, len);
	}
}
END_TEST

/* ---- made up ---- */

struct made {
	char version;
	uint32_t leaps, standard_marks, types;
	int64_t times[3];
	unsigned char indices[3];
	int32_t offsets[2];
	unsigned char is_summer, name_at;
	const char *footer;
	const char *why;		/* NULL: it is good */
};

static const struct made good = { '2', 0, 0, 2, { 1000000000, 1100000000, 1200000000 }, { 1, 0, 1 }, { 3600, 7200 }, 1, 0,
				  "\nEET-2\n", NULL };

static void put(const void *bytes, size_t n)
{
	memcpy(file.bytes + file.len, bytes, n);
	file.len += n;
}

static void put_be(uint64_t value, int bytes)
{
	for (int i = bytes - 1; i >= 0; i--)
		file.bytes[file.len++] = i < 8 ? (unsigned char)(value >> i * 8) : 0;
}

static void put_header(const struct made *m, uint32_t times)
{
	static const char zeros[15];

	put("TZif", 4);
	put(&m->version, 1);
	put(zeros, sizeof(zeros));
	put_be(0, 4);
	put_be(m->standard_marks, 4);
	put_be(m->leaps, 4);
	put_be(times, 4);
	put_be(m->types, 4);
	put_be(4, 4);
}

static void make(const struct made *m)
{
	static const struct made none = { .version = '2' };

	file.len = 0;
	put_header(&none, 0);
	put("ABC", 4);
	put_header(m, 3);
	for (int i = 0; i < 3; i++)
		put_be((uint64_t)m->times[i], 8);
	put(m->indices, 3);
	for (uint32_t i = 0; i < m->types && i < 2; i++) {
		put_be((uint32_t)m->offsets[i], 4);
		put(&m->is_summer, 1);
		put(&m->name_at, 1);
	}
	put("ABC", 4);
	for (uint32_t i = 0; i < m->leaps; i++)
		put_be(i, 12);
	for (uint32_t i = 0; i < m->standard_marks; i++)
		put_be(0, 1);
	put(m->footer, strlen(m->footer));
}

static void expect_made(const struct made *m)
{
	struct zone *zone;
	char why[WHY] = "";
	int rc;

	make(m);
	rc = open_bytes(file.bytes, file.len, &zone, why);
	if (m->why == NULL) {
		ck_assert_msg(rc == 0, "%s", why);
		expect_spans(zone);
		expect_firings(zone);
		zone_close(&zone);
		return;
	}
	ck_assert_msg(rc == -EBADMSG, "%s: %d", m->why, rc);
	ck_assert_msg(strlen(why) > strlen(m->why) && strcmp(why + strlen(why) - strlen(m->why), m->why) == 0,
		      "%s, not %s", why, m->why);
}

#define MADE(...) \
	do { \
		struct made m = good; \
		__VA_ARGS__; \
		expect_made(&m); \
	} while (0)

START_TEST(good_ones)
{
	MADE((void)m);
	MADE(m.version = '3');
	MADE(m.version = '9');
	MADE(m.standard_marks = 2);
	MADE(m.footer = "\n\n");
	MADE(m.footer = "\nEET-2\nand more");
	MADE(m.footer = "\nEET-2EEST,M3.5.0/3,M10.5.0/4\n");
	MADE(m.times[0] = -(INT64_C(1) << 59); m.times[2] = INT64_C(1) << 59);
	MADE(m.offsets[0] = -89999; m.offsets[1] = 93599);
	MADE(m.times[1] = 1000000001; m.times[2] = 1000000002);
	/* A rule that has no summer time left, one without end, and one whose moments fall together. */
	MADE(m.footer = "\nXXX3EDT4,0/0,J365/23\n");
	MADE(m.footer = "\nAAA0BBB,J1/-167,J365/167\n");
	MADE(m.footer = "\nAAA0BBB0,M3.5.0/2,M3.5.0/2\n");
	MADE(m.footer = "\nAAA-24BBB24,M1.1.0/0,M1.1.0/1\n");
}
END_TEST

START_TEST(bad_ones)
{
	MADE(m.version = 0; m.why = "is of version 1, and version 2 or later is needed");
	MADE(m.leaps = 1; m.why = "counts leap seconds, which Unix time does not");
	MADE(m.types = 0; m.why = "has an impossible header");
	MADE(m.types = 257; m.why = "has an impossible header");
	MADE(m.standard_marks = 1; m.why = "has an impossible header");
	MADE(m.times[1] = m.times[0]; m.why = "has changes out of order");
	MADE(m.times[2] = 5; m.why = "has changes out of order");
	MADE(m.times[0] = -(INT64_C(1) << 59) - 1; m.why = "has changes out of order");
	MADE(m.times[0] = INT64_MIN; m.why = "has changes out of order");
	MADE(m.times[2] = INT64_MAX; m.why = "has changes out of order");
	MADE(m.indices[1] = 2; m.why = "has a change to nothing");
	MADE(m.offsets[0] = -90000; m.why = "has an offset of more than a day");
	MADE(m.offsets[1] = 93600; m.why = "has an offset of more than a day");
	MADE(m.offsets[1] = INT32_MIN; m.why = "has an offset of more than a day");
	MADE(m.is_summer = 2; m.why = "has an impossible kind of time");
	MADE(m.name_at = 4; m.why = "has an impossible kind of time");
	MADE(m.footer = ""; m.why = "ends too early");
	MADE(m.footer = "\nEET-2"; m.why = "ends too early");
	MADE(m.footer = "EET-2\n"; m.why = "ends too early");
	MADE(m.footer = "\nEET\n"; m.why = "ends in a rule that cannot be read");
	MADE(m.footer = "\nEET-2EEST\n"; m.why = "ends in a rule that cannot be read");
}
END_TEST

START_TEST(what_is_no_zone_file)
{
	struct zone *zone;
	char why[WHY] = "";

	memset(file.bytes, 'x', sizeof(file.bytes));
	ck_assert_int_eq(open_bytes(file.bytes, 1000, &zone, why), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why, " is no TZif file"));
	ck_assert_int_eq(open_bytes(file.bytes, (256 << 10) + 1, &zone, why), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why, " is far too large"));
	/* More changes than any zone has. */
	make(&good);
	memcpy(file.bytes + 48 + 32, "\0\0\x07\xd1", 4);
	ck_assert_int_eq(open_bytes(file.bytes, 200 << 10, &zone, why), -EBADMSG);
	ck_assert_ptr_nonnull(strstr(why, " has an impossible header"));
	/* Neither a FIFO nor a device holds the daemon up. */
	ck_assert_int_eq(zone_open_in("/dev", "zero", &zone, why, sizeof(why)), -ENOENT);
}
END_TEST

START_TEST(without_memory)
{
	struct zone *zone;
	char why[WHY];

	for (long n = 1;; n++) {
		int rc;

		why[0] = '\0';
		failmem_from(n);
		rc = zone_open("Europe/Berlin", &zone, why, sizeof(why));
		if (failmem_off() == 0) {
			ck_assert_int_eq(rc, 0);
			ck_assert_int_gt(n, 3);
			break;
		}
		ck_assert_int_eq(rc, -ENOMEM);
		ck_assert_ptr_null(zone);
		ck_assert_str_eq(why, "cannot be read from " ZONE_DIRECTORY "/Europe/Berlin: Cannot allocate memory");
	}
	zone_close(&zone);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("zone_damage");
	TCase *tc = tcase_create("zone_damage");
	int zones = sizeof(some) / sizeof(some[0]);

	tcase_add_test(tc, good_ones);
	tcase_add_test(tc, bad_ones);
	tcase_add_test(tc, what_is_no_zone_file);
	tcase_add_test(tc, without_memory);
	tcase_add_loop_test(tc, cut_anywhere, 0, zones);
	tcase_add_loop_test(tc, bits_flipped, 0, zones);
	tcase_add_test(tc, random_bytes);
	suite_add_tcase(suite, tc);
	return unit_run(suite);
}
