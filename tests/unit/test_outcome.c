#include "tests/lib/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/buf.h"
#include "kinds/outcome.h"
#include "kinds/progress.h"
#include "proto/jtext.h"

START_TEST(success_has_a_result)
{
	struct outcome o;

	outcome_init(&o);
	ck_assert(!o.succeeded && o.result == NULL);
	outcome_succeed(&o, strdup("{}"), 2);
	ck_assert(o.succeeded && !o.final);
	ck_assert_str_eq(o.result, "{}");
	ck_assert_uint_eq(o.result_len, 2);
	outcome_free(&o);
	ck_assert(o.result == NULL && !o.succeeded);
}
END_TEST

START_TEST(no_memory_for_the_result_is_a_failure)
{
	struct outcome o;

	outcome_init(&o);
	outcome_succeed(&o, NULL, 0);
	ck_assert(!o.succeeded && !o.final);
	ck_assert_str_eq(o.reason, "handler");
	ck_assert_str_ne(o.message, "");
	outcome_free(&o);
}
END_TEST

START_TEST(failure_keeps_the_result)
{
	struct outcome o;

	outcome_init(&o);
	outcome_succeed(&o, strdup("1"), 1);
	outcome_fail(&o, "exit_status", "exit status %d", 3);
	ck_assert(!o.succeeded && !o.final);
	ck_assert_str_eq(o.result, "1");
	ck_assert_str_eq(o.reason, "exit_status");
	ck_assert_str_eq(o.message, "exit status 3");
	outcome_fail_for_good(&o, "spawn", "no");
	ck_assert(o.final);
	outcome_fail(&o, "timeout", "late");
	ck_assert(!o.final);
	outcome_succeed(&o, strdup("2"), 1);
	ck_assert(o.succeeded);
	ck_assert_str_eq(o.reason, "");
	ck_assert_str_eq(o.message, "");
	ck_assert_str_eq(o.result, "2");
	outcome_free(&o);
}
END_TEST

/* A message is cut, but not through a character, whatever its length. */
START_TEST(message_is_utf8)
{
	char text[400];
	struct outcome o;

	outcome_init(&o);
	for (int before = 0; before < 4; before++) {
		memset(text, 'a', sizeof(text));
		for (int i = before; i + 4 < (int)sizeof(text); i += 3)
			memcpy(text + i, "\xe2\x82\xac", 4);
		outcome_fail(&o, "handler", "%s", text);
		ck_assert(jtext_utf8(o.message, strlen(o.message)));
		ck_assert_uint_ge(strlen(o.message), sizeof(o.message) - 4);
	}
	outcome_fail(&o, "handler", "a\xff" "b\xc3\xa9");
	ck_assert_str_eq(o.message, "a?b??");
	outcome_free(&o);
}
END_TEST

/* ---- progress ---- */

static void expect_progress(double fraction, const char *message, const char *text)
{
	struct buf out;

	buf_init(&out);
	progress_put(&out, fraction, message);
	buf_putc(&out, '\0');
	ck_assert_str_eq(buf_data(&out), text);
	buf_free(&out);
}

START_TEST(progress_as_it_is_told)
{
	char message[PROGRESS_MESSAGE + 8], text[PROGRESS_MESSAGE + 32];

	expect_progress(-1, NULL, "{}");
	expect_progress(0, "", "{\"fraction\":0.0,\"message\":\"\"}");
	expect_progress(0.25, "a \"quarter\"", "{\"fraction\":0.25,\"message\":\"a \\\"quarter\\\"\"}");
	expect_progress(2, NULL, "{\"fraction\":1.0}");
	memset(message, 'a', sizeof(message));
	memcpy(message + PROGRESS_MESSAGE - 1, "\xc3\xa9", 3);	/* cut, but not through the last character */
	snprintf(text, sizeof(text), "{\"message\":\"%.*s\"}", PROGRESS_MESSAGE - 1, message);
	expect_progress(-1, message, text);
}
END_TEST

static Suite *suite(void)
{
	Suite *s = suite_create("outcome");
	TCase *t = tcase_create("outcome");

	tcase_add_test(t, success_has_a_result);
	tcase_add_test(t, no_memory_for_the_result_is_a_failure);
	tcase_add_test(t, failure_keeps_the_result);
	tcase_add_test(t, message_is_utf8);
	tcase_add_test(t, progress_as_it_is_told);
	suite_add_tcase(s, t);
	return s;
}

int main(void)
{
	return unit_run(suite());
}
