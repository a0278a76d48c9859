#include <errno.h>
#include <locale.h>
#include <math.h>
#include <string.h>

#include "base/buf.h"
#include "proto/jtext.h"
#include "proto/utf8.h"
#include "tests/lib/failmem.h"
#include "tests/lib/unit.h"

static json_t *parse(const char *text)
{
	char why[200];
	json_t *value = jtext_parse(text, strlen(text), why, sizeof(why));

	ck_assert_msg(value != NULL, "%s: %s", text, why);
	return value;
}

static void expect_out(struct buf *out, const char *text)
{
	ck_assert(!buf_failed(out));
	buf_putc(out, '\0');
	ck_assert_str_eq(buf_data(out), text);
	buf_free(out);
}

/* ---- in ---- */

START_TEST(parses_any_one_value)
{
	static const char *const texts[] = { "{}", "[]", "1", "-0.5", "\"a\"", "true", "false", "null", " [1, 2 ] \t\r\n" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		json_decref(parse(texts[i]));
}
END_TEST

START_TEST(refuses_what_is_not_json)
{
	static const char *const texts[] = {
		"", " ", "{", "[1,]", "{\"a\":1,}", "{'a':1}", "{a:1}", "nul", "01", "+1", ".5", "1.", "0x1", "NaN", "Infinity",
		"[] []", "{} x", "\"a", "\"\x01\"", "\"\n\"", "[1}", "\"\\x41\"", "\"\\ud800\"", "// x\n1", "99999999999999999999",
		"1e999", "\xef\xbb\xbf{}",
	};
	char why[200];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		why[0] = '\0';
		ck_assert_msg(jtext_parse(texts[i], strlen(texts[i]), why, sizeof(why)) == NULL, "%s", texts[i]);
		ck_assert_msg(strstr(why, ", at byte ") != NULL, "%s", why);
	}
}
END_TEST

/* What 64 bits or a double cannot hold is JSON all the same: said as what it is. */
START_TEST(refuses_numbers_out_of_range)
{
	static const char *const texts[] = { "9223372036854775808", "-9223372036854775809", "99999999999999999999", "1e999", "-1e999" };
	char why[200];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_msg(jtext_parse(texts[i], strlen(texts[i]), why, sizeof(why)) == NULL, "%s", texts[i]);
		ck_assert_msg(strstr(why, "a number is out of range (integers: -9223372036854775808 to 9223372036854775807, ") == why,
			      "%s", why);
	}
	json_decref(parse("[9223372036854775807, -9223372036854775808, 99999999999999999999.0, 1.7e308]"));
}
END_TEST

START_TEST(refuses_duplicate_members)
{
	char why[200];
	const char *text = "{\"a\":1,\"b\":{\"c\":1,\"c\":2}}";

	ck_assert_ptr_null(jtext_parse(text, strlen(text), why, sizeof(why)));
	ck_assert_ptr_nonnull(strstr(why, "duplicate"));
	ck_assert_ptr_nonnull(strstr(why, "\"c\""));
}
END_TEST

START_TEST(refuses_bytes_that_are_not_utf8)
{
	static const char *const texts[] = { "\"\xff\"", "\"\xc0\x80\"", "\"\xed\xa0\x80\"", "\"\xf4\x90\x80\x80\"", "\"\xe2\x82\"",
					     "{\"\x80\":1}" };
	char why[200];

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		ck_assert_ptr_null(jtext_parse(texts[i], strlen(texts[i]), why, sizeof(why)));
	}
}
END_TEST

static int rests, rests_left;

static int rest(void)
{
	rests++;
	return rests_left-- > 0 ? 0 : -1;
}

/* An array of many texts, longer than some parts. */
static void put_long_text(struct buf *text)
{
	buf_init(text);
	for (int i = 0; buf_len(text) < 4 * JTEXT_PART; i++)
		buf_printf(text, "%c\"\\u00e9 \xc3\xa9 %d\"", i == 0 ? '[' : ',', i);
	buf_putc(text, ']');
}

START_TEST(parts_make_the_same_whole)
{
	struct buf text;
	json_t *whole, *parts;
	char why[80];

	put_long_text(&text);
	rests = 0;
	rests_left = 100;
	whole = jtext_parse(buf_data(&text), buf_len(&text), why, sizeof(why));
	parts = jtext_parse_in_parts(buf_data(&text), buf_len(&text), rest, why, sizeof(why));
	ck_assert_ptr_nonnull(whole);
	ck_assert_int_eq(json_equal(whole, parts), 1);
	ck_assert_int_eq(rests, 3);
	json_decref(whole);
	json_decref(parts);
	rests = 0;
	ck_assert_ptr_null(jtext_parse_in_parts(buf_data(&text), buf_len(&text) - 1, rest, why, sizeof(why)));
	ck_assert_ptr_nonnull(strstr(why, "at byte"));
	ck_assert_int_ge(rests, 6);		/* jansson says what is wrong, with as many */
	rests = 0;
	parts = jtext_parse_in_parts("[1]", 3, rest, why, sizeof(why));
	ck_assert_int_eq(rests, 0);		/* what is short needs none */
	json_decref(parts);
	buf_free(&text);
}
END_TEST

START_TEST(one_long_string_has_parts_too)
{
	struct buf text;
	json_t *value;
	char why[80];

	buf_init(&text);
	buf_putc(&text, '"');
	while (buf_len(&text) < 4 * JTEXT_PART)
		buf_printf(&text, "a line\\n");
	buf_putc(&text, '"');
	rests = 0;
	rests_left = 100;
	value = jtext_parse_in_parts(buf_data(&text), buf_len(&text), rest, why, sizeof(why));
	ck_assert_int_eq(json_is_string(value), 1);
	ck_assert_int_ge(rests, 3);
	json_decref(value);
	buf_free(&text);
}
END_TEST

START_TEST(a_rest_that_fails_ends_it)
{
	struct buf text;
	char why[80];

	put_long_text(&text);
	rests = 0;
	rests_left = 1;
	ck_assert_ptr_null(jtext_parse_in_parts(buf_data(&text), buf_len(&text), rest, why, sizeof(why)));
	ck_assert_int_eq(rests, 2);
	buf_free(&text);
}
END_TEST

START_TEST(takes_nul_in_strings)
{
	json_t *value = parse("\"a\\u0000b\"");
	struct buf out;

	ck_assert_uint_eq(json_string_length(value), 3);
	buf_init(&out);
	jtext_put(&out, value);
	expect_out(&out, "\"a\\u0000b\"");
	json_decref(value);
}
END_TEST

static void fill_nested(struct buf *text, int depth, bool objects)
{
	for (int i = 0; i < depth; i++)
		buf_puts(text, objects ? "{\"a\":" : "[");
	buf_puts(text, "1");
	for (int i = 0; i < depth; i++)
		buf_puts(text, objects ? "}" : "]");
}

START_TEST(refuses_depth)
{
	char why[200];

	for (int objects = 0; objects < 2; objects++) {
		struct buf text;
		json_t *value;

		buf_init(&text);
		fill_nested(&text, JTEXT_DEPTH_MAX, objects);
		value = jtext_parse(buf_data(&text), buf_len(&text), why, sizeof(why));
		ck_assert_msg(value != NULL, "%s", why);
		json_decref(value);
		buf_clear(&text);
		fill_nested(&text, JTEXT_DEPTH_MAX + 1, objects);
		ck_assert_ptr_null(jtext_parse(buf_data(&text), buf_len(&text), why, sizeof(why)));
		ck_assert_str_eq(why, "nested deeper than 64");
		buf_free(&text);
	}
}
END_TEST

START_TEST(too_deep_looks_past_strings)
{
	char text[400];

	memset(text, '[', sizeof(text));
	ck_assert(jtext_too_deep(text, 65));
	ck_assert(!jtext_too_deep(text, 64));
	memset(text, '{', sizeof(text));
	ck_assert(jtext_too_deep(text, 65));
	text[0] = '"';
	ck_assert(!jtext_too_deep(text, 300));
	text[100] = '"';
	ck_assert(jtext_too_deep(text, 101 + 65));
	ck_assert(!jtext_too_deep(text, 101 + 64));
	text[99] = '\\';
	ck_assert(!jtext_too_deep(text, 400));
	text[98] = '\\';
	ck_assert(jtext_too_deep(text, 400));
	memset(text, ']', sizeof(text));
	memset(text + 200, '[', 64);
	ck_assert(!jtext_too_deep(text, 264));
	text[399] = '[';
	ck_assert(!jtext_too_deep(text, 400));
}
END_TEST

/* ---- UTF-8 ---- */

START_TEST(utf8_is_told_from_bytes)
{
	static const char *const good[] = { "", "abc", "abcdefgh\xc3\xa9", "\xc2\x80", "\xdf\xbf", "\xe0\xa0\x80", "\xed\x9f\xbf",
					    "\xee\x80\x80", "\xef\xbf\xbf", "\xf0\x90\x80\x80", "\xf4\x8f\xbf\xbf",
					    "12345678\xe2\x82\xacx2345678" };
	static const char *const bad[] = { "\x80", "\xbf", "\xc0\x80", "\xc1\xbf", "\xc2", "\xc2\x7f", "\xe0\x9f\xbf", "\xe2\x82",
					   "\xed\xa0\x80", "\xed\xbf\xbf", "\xf0\x8f\xbf\xbf", "\xf4\x90\x80\x80", "\xf5\x80\x80\x80",
					   "\xff", "abcdefgh\xe2\x82", "12345678\xc3x2345678", "\xf8\x88\x80\x80\x80" };

	for (size_t i = 0; i < sizeof(good) / sizeof(good[0]); i++)
		ck_assert_msg(jtext_utf8(good[i], strlen(good[i])), "good %zu", i);
	for (size_t i = 0; i < sizeof(bad) / sizeof(bad[0]); i++)
		ck_assert_msg(!jtext_utf8(bad[i], strlen(bad[i])), "bad %zu", i);
	ck_assert(jtext_utf8("a\0b", 3));
}
END_TEST

START_TEST(clip_keeps_characters_whole)
{
	const char *text = "a\xc3\xa9\xe2\x82\xac\xf0\x9f\x98\x80z";	/* 1 + 2 + 3 + 4 + 1 bytes */
	static const size_t ends[] = { 0, 1, 1, 3, 3, 3, 6, 6, 6, 6, 10, 11, 11 };

	for (size_t max = 0; max < sizeof(ends) / sizeof(ends[0]); max++)
		ck_assert_uint_eq(utf8_clip(text, strlen(text), max), ends[max]);
}
END_TEST

START_TEST(whole_takes_what_is_no_character_as_bytes)
{
	ck_assert_uint_eq(utf8_whole("", 0), 0);
	ck_assert_uint_eq(utf8_whole("\xff", 1), 1);
	ck_assert_uint_eq(utf8_whole("\x80\x80\x80\x80\x80", 5), 5);
	ck_assert_uint_eq(utf8_whole("a\xf0\x9f\x98", 4), 1);
	ck_assert_uint_eq(utf8_whole("a\xe2\x82", 3), 1);
	ck_assert_uint_eq(utf8_whole("a\xc3", 2), 1);
	ck_assert_uint_eq(utf8_whole("a\xc3\xa9", 3), 3);
	ck_assert_uint_eq(utf8_whole("a\xc3\xa9\x80", 4), 4);
}
END_TEST

/* ---- base64 ---- */

START_TEST(base64_goes_both_ways)
{
	unsigned char bytes[256];

	for (size_t i = 0; i < sizeof(bytes); i++)
		bytes[i] = (unsigned char)(i * 7);
	for (size_t len = 0; len <= sizeof(bytes); len++) {
		struct buf out, back;
		struct jwriter w;

		buf_init(&out);
		buf_init(&back);
		jw_init(&w, &out);
		jw_base64(&w, bytes, len);
		ck_assert_int_eq(jtext_base64_decode(&back, buf_data(&out) + 1, buf_len(&out) - 2), 0);
		ck_assert_uint_eq(buf_len(&back), len);
		if (len > 0)
			ck_assert_mem_eq(buf_data(&back), bytes, len);
		buf_free(&out);
		buf_free(&back);
	}
}
END_TEST

START_TEST(base64_is_the_rfc_s)
{
	static const char *const pairs[][2] = { { "", "" }, { "f", "Zg==" }, { "fo", "Zm8=" }, { "foo", "Zm9v" },
						{ "foob", "Zm9vYg==" }, { "fooba", "Zm9vYmE=" }, { "foobar", "Zm9vYmFy" },
						{ "\xfb\xff\xbf", "+/+/" } };

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buf out, back;
		struct jwriter w;
		char quoted[32];

		buf_init(&out);
		buf_init(&back);
		jw_init(&w, &out);
		jw_base64(&w, pairs[i][0], strlen(pairs[i][0]));
		snprintf(quoted, sizeof(quoted), "\"%s\"", pairs[i][1]);
		expect_out(&out, quoted);
		ck_assert_int_eq(jtext_base64_decode(&back, pairs[i][1], strlen(pairs[i][1])), 0);
		expect_out(&back, pairs[i][0]);
	}
}
END_TEST

START_TEST(base64_refuses_all_else)
{
	static const char *const texts[] = { "Z", "Zg", "Zg=", "Zm8", "Zg==Zg==", "Zm=v", "====", "=", "Z===", "Zh==", "Zm9=", "Zm9v\n",
					     "Zm 9", "Zm9_", "Zm9-", "Zm8=Zm9v", "\xc3\xa9g=" };

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		struct buf out;

		buf_init(&out);
		buf_puts(&out, "kept");
		ck_assert_msg(jtext_base64_decode(&out, texts[i], strlen(texts[i])) == -EINVAL, "%s", texts[i]);
		expect_out(&out, "kept");
	}
}
END_TEST

/* ---- out ---- */

START_TEST(commas_are_put)
{
	struct buf out;
	struct jwriter w;

	buf_init(&out);
	jw_init(&w, &out);
	jw_object(&w);
	jw_put_int(&w, "a", 1);
	jw_key(&w, "b");
	jw_array(&w);
	jw_null(&w);
	jw_bool(&w, true);
	jw_object(&w);
	jw_object_end(&w);
	jw_array(&w);
	jw_array_end(&w);
	jw_string(&w, "x");
	jw_array_end(&w);
	jw_put_bool(&w, "c", false);
	jw_put_real(&w, "d", 0.5);
	jw_put_string(&w, "e", "y");
	jw_put_raw(&w, "f", "[1,2]", 5);
	jw_put_time(&w, "g", INT64_C(1795197600123));
	jw_object_end(&w);
	expect_out(&out, "{\"a\":1,\"b\":[null,true,{},[],\"x\"],\"c\":false,\"d\":0.5,\"e\":\"y\",\"f\":[1,2],"
			 "\"g\":\"2026-11-20T18:00:00.123Z\"}");
}
END_TEST

static void expect_int(int64_t value, const char *text)
{
	struct buf out;
	struct jwriter w;

	buf_init(&out);
	jw_init(&w, &out);
	jw_int(&w, value);
	expect_out(&out, text);
}

START_TEST(integers)
{
	expect_int(0, "0");
	expect_int(-1, "-1");
	expect_int(10, "10");
	expect_int(1234567890, "1234567890");
	expect_int(INT64_MAX, "9223372036854775807");
	expect_int(INT64_MIN, "-9223372036854775808");
}
END_TEST

static void expect_real(double value, const char *text)
{
	struct buf out;
	struct jwriter w;

	buf_init(&out);
	jw_init(&w, &out);
	jw_real(&w, value);
	expect_out(&out, text);
}

START_TEST(reals_are_short_and_look_real)
{
	expect_real(1.0, "1.0");
	expect_real(-0.0, "-0.0");
	expect_real(0.1, "0.1");
	expect_real(1.5, "1.5");
	expect_real(0.30000000000000004, "0.30000000000000004");
	expect_real(1.0 / 3, "0.3333333333333333");
	expect_real(1e15, "1e+15");
	expect_real(123456789012345.0, "123456789012345.0");
	expect_real(1e300, "1e+300");
	expect_real(5e-324, "4.94065645841247e-324");
	expect_real(1.7976931348623157e308, "1.7976931348623157e+308");
	expect_real(NAN, "null");
	expect_real(INFINITY, "null");
}
END_TEST

/* A locale that writes 1,5; false if this machine has none. */
static bool set_comma_locale(void)
{
	static const char *const locales[] = { "de_DE.UTF-8", "de_DE", "fr_FR.UTF-8", "fr_FR", "ru_RU.UTF-8" };

	for (size_t i = 0; i < sizeof(locales) / sizeof(locales[0]); i++)
		if (setlocale(LC_ALL, locales[i]) != NULL)
			return *localeconv()->decimal_point == ',';
	return false;
}

START_TEST(reals_do_not_speak_the_locale)
{
	ck_assert(set_comma_locale());
	expect_real(1234.5, "1234.5");
	expect_real(1.0, "1.0");
	expect_real(1.5e300, "1.5e+300");
	setlocale(LC_ALL, "C");
}
END_TEST

START_TEST(strings_are_escaped_and_no_more)
{
	json_t *value;
	struct buf out;
	char all[0x80], why[100];

	for (int c = 0; c < 0x80; c++)
		all[c] = (char)c;
	buf_init(&out);
	value = json_stringn(all, sizeof(all));
	jtext_put(&out, value);
	json_decref(value);
	value = jtext_parse(buf_data(&out), buf_len(&out), why, sizeof(why));
	ck_assert_ptr_nonnull(value);
	ck_assert_uint_eq(json_string_length(value), sizeof(all));
	ck_assert_mem_eq(json_string_value(value), all, sizeof(all));
	json_decref(value);
	expect_out(&out, "\"\\u0000\\u0001\\u0002\\u0003\\u0004\\u0005\\u0006\\u0007\\b\\t\\n\\u000b\\f\\r\\u000e\\u000f"
			 "\\u0010\\u0011\\u0012\\u0013\\u0014\\u0015\\u0016\\u0017\\u0018\\u0019\\u001a\\u001b\\u001c\\u001d\\u001e"
			 "\\u001f !\\\"#$%&'()*+,-./0123456789:;<=>?@ABCDEFGHIJKLMNOPQRSTUVWXYZ[\\\\]^_`"
			 "abcdefghijklmnopqrstuvwxyz{|}~\x7f\"");
}
END_TEST

START_TEST(utf8_passes_through)
{
	struct buf out;
	struct jwriter w;

	buf_init(&out);
	jw_init(&w, &out);
	jw_string(&w, "\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80");
	expect_out(&out, "\"\xc3\xa9\xe2\x80\xa8\xf0\x9f\x98\x80\"");
}
END_TEST

START_TEST(what_is_printed_reads_back_equal)
{
	static const char *const texts[] = {
		"{\"b\":1,\"a\":[1.0,1e300,-0.5,0.1,123456789012345678],\"c\":{\"d\":null,\"e\":[true,false,[]],\"\":{}}}",
		"[\"\\u0000\\\"\\\\/\\u001f\",{\"k\\\"\\n\\u0001\":\"v\"}]", "9223372036854775807", "-9223372036854775808", "4e-320",
	};

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
		json_t *value = parse(texts[i]), *again;
		struct buf out;
		char why[100];

		buf_init(&out);
		jtext_put(&out, value);
		again = jtext_parse(buf_data(&out), buf_len(&out), why, sizeof(why));
		ck_assert(again != NULL && json_equal(value, again));
		json_decref(value);
		json_decref(again);
		buf_free(&out);
	}
}
END_TEST

START_TEST(bytes_that_are_not_utf8_are_replaced)
{
	static const char *const pairs[][2] = {
		{ "a\xff" "b", "\"a\xef\xbf\xbd" "b\"" }, { "\xe2\x82", "\"\xef\xbf\xbd\xef\xbf\xbd\"" },
		{ "1234567\xc3", "\"1234567\xef\xbf\xbd\"" }, { "\xed\xa0\x80\n", "\"\xef\xbf\xbd\xef\xbf\xbd\xef\xbf\xbd\\n\"" },
		{ "12345678\xe2\x82\xac\x80\"", "\"12345678\xe2\x82\xac\xef\xbf\xbd\\\"\"" },
	};

	for (size_t i = 0; i < sizeof(pairs) / sizeof(pairs[0]); i++) {
		struct buf out;
		struct jwriter w;

		buf_init(&out);
		jw_init(&w, &out);
		jw_string(&w, pairs[i][0]);
		expect_out(&out, pairs[i][1]);
	}
}
END_TEST

/* Each byte at each place of a word, among plain ones: what the word-wise scan must not miss. */
START_TEST(every_byte_at_every_place)
{
	for (int c = 0; c < 256; c++) {
		for (size_t at = 0; at < 17; at++) {
			char text[18] = "aaaaaaaaaaaaaaaaa", why[100];
			json_t *value;
			struct buf out;
			struct jwriter w;

			text[at] = (char)c;
			buf_init(&out);
			jw_init(&w, &out);
			jw_stringn(&w, text, 17);
			value = jtext_parse(buf_data(&out), buf_len(&out), why, sizeof(why));
			ck_assert_msg(value != NULL, "%d at %zu: %s", c, at, why);
			if (c < 0x80)
				ck_assert_mem_eq(json_string_value(value), text, 17);
			ck_assert_uint_eq(json_string_length(value), c < 0x80 ? 17 : 19);
			json_decref(value);
			buf_free(&out);
		}
	}
}
END_TEST

static void expect_seconds(int64_t ms, const char *text)
{
	struct buf out;
	struct jwriter w;

	buf_init(&out);
	jw_init(&w, &out);
	jw_put_seconds(&w, "s", ms);
	expect_out(&out, text);
}

START_TEST(seconds_are_short)
{
	expect_seconds(0, "\"s\":0");
	expect_seconds(1, "\"s\":0.001");
	expect_seconds(10, "\"s\":0.01");
	expect_seconds(1500, "\"s\":1.5");
	expect_seconds(100000, "\"s\":100");
	expect_seconds(3600000, "\"s\":3600");
	expect_seconds(1234567, "\"s\":1234.567");
	expect_seconds(-250, "\"s\":-0.25");
	expect_seconds(INT64_MAX, "\"s\":9223372036854775.807");
	expect_seconds(INT64_MIN, "\"s\":-9223372036854775.808");
}
END_TEST

START_TEST(bytes_that_are_no_text_go_as_base64)
{
	struct buf out;
	struct jwriter w;

	buf_init(&out);
	jw_init(&w, &out);
	jw_object(&w);
	jw_put_bytes(&w, "a", "caf\xc3\xa9\0", 6);
	jw_put_bytes(&w, "b", "caf\xe9", 4);
	jw_put_bytes(&w, "c", "", 0);
	jw_object_end(&w);
	expect_out(&out, "{\"a\":\"caf\xc3\xa9\\u0000\",\"b_base64\":\"Y2Fm6Q==\",\"c\":\"\"}");
}
END_TEST

/* ---- without memory ---- */

static const char everything[] = "{\"a\":[1,-0.5,\"x\\n\\u0000\",null,true,{\"b\":{}}],\"long\":"
				 "\"0123456789012345678901234567890123456789012345678901234567890123456789\"}";

/* Each allocation fails, alone or with all behind it: NULL and a word about it, or all of the value where it could do without. */
START_TEST(parsing_without_memory_is_told)
{
	json_t *whole = parse(everything), *value;
	bool failed = true;
	long n;

	for (n = 1; failed; n++) {
		char why[100] = "";

		if (_i == 0)
			failmem_from(n);
		else
			failmem_only(n);
		value = jtext_parse(everything, strlen(everything), why, sizeof(why));
		failed = failmem_off() > 0;
		if (value == NULL)
			ck_assert(errno == ENOMEM && strcmp(why, "out of memory") == 0);
		else
			ck_assert(json_equal(value, whole));
		json_decref(value);
		ck_assert_int_lt(n, 1000);
	}
	ck_assert_int_gt(n, 10);
	json_decref(whole);
}
END_TEST

START_TEST(writing_without_memory_is_seen_at_the_end)
{
	json_t *value = parse(everything);
	bool failed = true;

	for (long n = 1; failed; n++) {
		struct buf out;

		buf_init(&out);
		failmem_from(n);
		for (int i = 0; i < 20; i++)
			jtext_put(&out, value);
		failed = failmem_off() > 0;
		ck_assert_int_eq(buf_failed(&out), failed);
		buf_free(&out);
		ck_assert_int_lt(n, 100);
	}
	json_decref(value);
}
END_TEST

START_TEST(decoding_without_memory_leaves_what_was_there)
{
	char text[4096];
	struct buf out;
	int rc;

	memset(text, 'A', sizeof(text));
	buf_init(&out);
	buf_puts(&out, "kept");
	failmem_from(1);
	rc = jtext_base64_decode(&out, text, sizeof(text));
	ck_assert_int_eq(failmem_off(), 1);
	ck_assert_int_eq(rc, -ENOMEM);
	ck_assert_uint_eq(buf_len(&out), 4);
	ck_assert_mem_eq(buf_data(&out), "kept", 4);
	buf_free(&out);
}
END_TEST

int main(void)
{
	Suite *s = suite_create("jtext");
	TCase *t = tcase_create("jtext");

	tcase_add_test(t, parses_any_one_value);
	tcase_add_test(t, refuses_what_is_not_json);
	tcase_add_test(t, refuses_numbers_out_of_range);
	tcase_add_test(t, refuses_duplicate_members);
	tcase_add_test(t, refuses_bytes_that_are_not_utf8);
	tcase_add_test(t, parts_make_the_same_whole);
	tcase_add_test(t, one_long_string_has_parts_too);
	tcase_add_test(t, a_rest_that_fails_ends_it);
	tcase_add_test(t, takes_nul_in_strings);
	tcase_add_test(t, refuses_depth);
	tcase_add_test(t, too_deep_looks_past_strings);
	tcase_add_test(t, utf8_is_told_from_bytes);
	tcase_add_test(t, clip_keeps_characters_whole);
	tcase_add_test(t, whole_takes_what_is_no_character_as_bytes);
	tcase_add_test(t, base64_goes_both_ways);
	tcase_add_test(t, base64_is_the_rfc_s);
	tcase_add_test(t, base64_refuses_all_else);
	tcase_add_test(t, commas_are_put);
	tcase_add_test(t, integers);
	tcase_add_test(t, reals_are_short_and_look_real);
	if (set_comma_locale())
		tcase_add_test(t, reals_do_not_speak_the_locale);
	setlocale(LC_ALL, "C");
	tcase_add_test(t, strings_are_escaped_and_no_more);
	tcase_add_test(t, utf8_passes_through);
	tcase_add_test(t, bytes_that_are_not_utf8_are_replaced);
	tcase_add_test(t, every_byte_at_every_place);
	tcase_add_test(t, what_is_printed_reads_back_equal);
	tcase_add_test(t, seconds_are_short);
	tcase_add_test(t, bytes_that_are_no_text_go_as_base64);
	tcase_add_loop_test(t, parsing_without_memory_is_told, 0, 2);
	tcase_add_test(t, writing_without_memory_is_seen_at_the_end);
	tcase_add_test(t, decoding_without_memory_leaves_what_was_there);
	suite_add_tcase(s, t);
	return unit_run(s);
}
