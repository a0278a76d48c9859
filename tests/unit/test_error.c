#include <string.h>

#include "proto/error.h"
#include "proto/jtext.h"
#include "tests/lib/unit.h"

/* The contract's table, written out a second time on purpose. */
static const struct {
	int code;
	const char *reason;
} contract[] = {
	{ -32700, "parse_error" }, { -32600, "invalid_request" }, { -32601, "method_not_found" }, { -32602, "invalid_params" },
	{ -32603, "internal_error" }, { -32001, "unauthenticated" }, { -32002, "forbidden" }, { -32003, "not_found" },
	{ -32004, "conflict" }, { -32005, "too_large" }, { -32006, "overloaded" }, { -32007, "shutting_down" },
	{ -32008, "timeout" }, { -32009, "lease_lost" }, { -32010, "storage" },
};

START_TEST(codes_and_reasons_are_the_contract_s)
{
	ck_assert_uint_eq(sizeof(contract) / sizeof(contract[0]), RPC_ERROR_KINDS - 1);
	for (size_t i = 0; i < sizeof(contract) / sizeof(contract[0]); i++) {
		enum rpc_error_kind kind = rpc_error_kind_of(contract[i].code);

		ck_assert_int_ne(kind, RPC_OK);
		ck_assert_int_eq(rpc_error_code(kind), contract[i].code);
		ck_assert_str_eq(rpc_error_reason(kind), contract[i].reason);
	}
}
END_TEST

START_TEST(unknown_codes_are_no_error_of_ours)
{
	ck_assert_int_eq(rpc_error_kind_of(0), RPC_OK);
	ck_assert_int_eq(rpc_error_kind_of(-32000), RPC_OK);
	ck_assert_int_eq(rpc_error_kind_of(1), RPC_OK);
}
END_TEST

START_TEST(the_first_error_is_kept)
{
	struct rpc_error e = { 0 };

	ck_assert_int_eq(rpc_error_set(&e, RPC_NOT_FOUND, "id", "there is no job %d", 7), -1);
	e.id = 7;
	ck_assert_int_eq(rpc_error_set(&e, RPC_CONFLICT, "", "later"), -1);
	ck_assert_int_eq(e.kind, RPC_NOT_FOUND);
	ck_assert_str_eq(e.field, "id");
	ck_assert_str_eq(e.message, "there is no job 7");
	ck_assert_int_eq(e.id, 7);
}
END_TEST

START_TEST(field_may_be_left_out)
{
	struct rpc_error e = { 0 };

	rpc_error_set(&e, RPC_OVERLOADED, NULL, "full");
	ck_assert_str_eq(e.field, "");
}
END_TEST

/* Cut at every place within characters of every length. */
START_TEST(long_texts_are_cut_between_characters)
{
	static const char *const letters[] = { "x", "\xc3\xa9", "\xe2\x82\xac", "\xf0\x9f\x98\x80" };

	for (int l = 0; l < 4; l++) {
		for (int shift = 0; shift < 4; shift++) {
			struct rpc_error e = { 0 };
			char text[1000] = "";

			memset(text, 'a', (size_t)shift);
			while (strlen(text) < sizeof(text) - 8)
				strcat(text, letters[l]);
			rpc_error_set(&e, RPC_INVALID_PARAMS, text, "%s", text);
			ck_assert(jtext_utf8(e.field, strlen(e.field)));
			ck_assert(jtext_utf8(e.message, strlen(e.message)));
			ck_assert_uint_ge(strlen(e.field), sizeof(e.field) - 5);
			ck_assert_uint_ge(strlen(e.message), sizeof(e.message) - 5);
			ck_assert(strncmp(e.message, text, strlen(e.message)) == 0);
		}
	}
}
END_TEST

int main(void)
{
	Suite *s = suite_create("error");
	TCase *t = tcase_create("error");

	tcase_add_test(t, codes_and_reasons_are_the_contract_s);
	tcase_add_test(t, unknown_codes_are_no_error_of_ours);
	tcase_add_test(t, the_first_error_is_kept);
	tcase_add_test(t, field_may_be_left_out);
	tcase_add_test(t, long_texts_are_cut_between_characters);
	suite_add_tcase(s, t);
	return unit_run(s);
}
