/* What jread takes, jansson takes, as the same value. */
#include <stdlib.h>
#include <string.h>

#include "proto/jread.h"
#include "proto/jtext.h"
#include "tests/lib/unit.h"

enum {
#ifdef JOBD_SANITIZED
	CHANGED = 20000
#else
	CHANGED = 200000
#endif
};

static json_t *as_jansson(const char *text, size_t len)
{
	return json_loadb(text, len, JSON_REJECT_DUPLICATES | JSON_DECODE_ANY | JSON_ALLOW_NUL, NULL);
}

/* False: it takes less than jansson does. What it takes is the same. */
static bool reads_the_same(const char *text, size_t len)
{
	struct jread r;
	json_t *quick = jread(&r, text, len, NULL), *slow = as_jansson(text, len);
	bool same = (quick != NULL) == (slow != NULL);
	char *a, *b;

	if (quick != NULL) {
		ck_assert_msg(slow != NULL, "only jread takes: %.*s", (int)len, text);
		a = json_dumps(quick, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
		b = json_dumps(slow, JSON_ENCODE_ANY | JSON_REAL_PRECISION(17));
		ck_assert_str_eq(a, b);
		free(a);
		free(b);
	}
	json_decref(quick);
	json_decref(slow);
	return same;
}

START_TEST(reads_all_that_is_plain_as_jansson_does)
{
	static const char *const texts[] = {
		"{}", "[]", "0", "-0", "-1", "12", "999999999999999999", "-999999999999999999", "9223372036854775807",
		"-9223372036854775808", "9223372036854775808", "00", "-01", "-", "--1", "1.5", "-0.0", "1e3", "1E+3", "1e", "1.e3",
		"1.5.5", "1-1", "1+1", "1e400", "0x1", "1 2", "\"\"", "\"a\"", "\"1234567\"", "\"12345678\"", "\"123456789\"",
		"\"1234567\\n\"", "\"12345678\\u00e9\\\\\"", "\"\\\"\"", "\"\\\"", "\"\\", "\"", "\"\\u0000\"", "\"\\ud83d\\ude00\"",
		"\"\\ud83d\"", "\"\\x\"", "\"\x7f\"", "\"1234567\x1f\"", "\"\xc3\xa9\"", "\"\xc3\"", "\"1234567\xc3\"",
		"\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xf0\x9f\x98\x80 and 12345678 more\"", "true", "false", "null", "tru",
		"truex", "nul", "True", " \t\r\n1\n ", "\f1", "[1,2,3]", "[1,]", "[,1]", "[1 2]", "[", "]", "[[[]]]", "[{}, {}]",
		"{\"a\":1}", "{\"a\":1,}", "{\"a\" : 1 , \"b\":[true,null]}", "{\"a\":1,\"a\":2}", "{\"a\"}", "{a:1}", "{\"a\":}",
		"{\"\":0}", "{\"a\\u0000b\":1}", "{\"12345678\":{\"12345678\":\"12345678\"}}", "", " ", "//", "{}{}", "[1}", "{\"a\":1]",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		ck_assert_msg(reads_the_same(texts[i], strlen(texts[i])), "only jansson takes: %s", texts[i]);
	reads_the_same("1\0", 2);
	ck_assert(reads_the_same("\"\0\"", 3) && reads_the_same("[\0]", 3));
}
END_TEST

/* A request, and what chance makes of it: bytes changed, left out, put in twice. */
START_TEST(changed_by_chance_it_is_read_as_jansson_does)
{
	static const char request[] =
		"{\"jsonrpc\":\"2.0\",\"id\":17,\"method\":\"job.submit\",\"params\":{\"type\":\"exec\",\"queue\":\"m\xc3\xa4il\",\"args\":"
		"{\"argv\":[\"/bin/echo\",\"a\\tb\"],\"env\":{}},\"priority\":-5,\"delay\":0.25,\"hold\":false,\"tags\":{\"k\":\"v\"}}}";
	static const char bytes[] = "{}[]\":,\\0123456789-+.eE \ttrufalsn\xc3\xa9\x80\x01";
	char text[2 * sizeof(request)];
	unsigned seed = 4711;

	for (int i = 0; i < CHANGED; i++) {
		size_t len = sizeof(request) - 1;

		memcpy(text, request, len);
		for (int n = rand_r(&seed) % 4; n >= 0; n--) {
			size_t at = (size_t)rand_r(&seed) % len, to = (size_t)rand_r(&seed) % len;

			if (rand_r(&seed) % 3 > 0)
				text[at] = bytes[(size_t)rand_r(&seed) % (sizeof(bytes) - 1)];
			else if (at < to)
				len -= to - at, memmove(text + at, text + to, len - at);
		}
		reads_the_same(text, len);
	}
}
END_TEST

START_TEST(is_read_quickly_as_deep_as_it_may_nest)
{
	char text[2 * (JTEXT_DEPTH_MAX + 1)];
	struct jread r;
	json_t *value;

	for (size_t depth = JTEXT_DEPTH_MAX; depth <= JTEXT_DEPTH_MAX + 1; depth++) {
		memset(text, '[', depth);
		memset(text + depth, ']', depth);
		value = jread(&r, text, 2 * depth, NULL);
		ck_assert_int_eq(value != NULL, depth == JTEXT_DEPTH_MAX);
		json_decref(value);
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jread");
	TCase *t = tcase_create("jread");

	tcase_add_test(t, reads_all_that_is_plain_as_jansson_does);
	tcase_add_test(t, changed_by_chance_it_is_read_as_jansson_does);
	tcase_add_test(t, is_read_quickly_as_deep_as_it_may_nest);
	suite_add_tcase(s, t);
	return unit_run(s);
}
