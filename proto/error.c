#include "proto/error.h"

#include <stdarg.h>
#include <stdio.h>

#include "proto/utf8.h"

static const struct {
	int code;
	const char *reason;
} errors[RPC_ERROR_KINDS] = {
	[RPC_OK] = { 0, "ok" },
	[RPC_PARSE_ERROR] = { -32700, "parse_error" },
	[RPC_INVALID_REQUEST] = { -32600, "invalid_request" },
	[RPC_METHOD_NOT_FOUND] = { -32601, "method_not_found" },
	[RPC_INVALID_PARAMS] = { -32602, "invalid_params" },
	[RPC_INTERNAL_ERROR] = { -32603, "internal_error" },
	[RPC_UNAUTHENTICATED] = { -32001, "unauthenticated" },
	[RPC_FORBIDDEN] = { -32002, "forbidden" },
	[RPC_NOT_FOUND] = { -32003, "not_found" },
	[RPC_CONFLICT] = { -32004, "conflict" },
	[RPC_TOO_LARGE] = { -32005, "too_large" },
	[RPC_OVERLOADED] = { -32006, "overloaded" },
	[RPC_SHUTTING_DOWN] = { -32007, "shutting_down" },
	[RPC_TIMEOUT] = { -32008, "timeout" },
	[RPC_LEASE_LOST] = { -32009, "lease_lost" },
	[RPC_STORAGE] = { -32010, "storage" },
};

int rpc_error_code(enum rpc_error_kind kind)
{
	return errors[kind].code;
}

const char *rpc_error_reason(enum rpc_error_kind kind)
{
	return errors[kind].reason;
}

enum rpc_error_kind rpc_error_kind_of(int code)
{
	for (int kind = RPC_OK + 1; kind < RPC_ERROR_KINDS; kind++)
		if (errors[kind].code == code)
			return (enum rpc_error_kind)kind;
	return RPC_OK;
}

int rpc_error_set(struct rpc_error *e, enum rpc_error_kind kind, const char *field, const char *fmt, ...)
{
	va_list ap;

	if (e->kind != RPC_OK)
		return -1;
	e->kind = kind;
	e->id = 0;
	if (snprintf(e->field, sizeof(e->field), "%s", field != NULL ? field : "") >= (int)sizeof(e->field))
		e->field[utf8_whole(e->field, sizeof(e->field) - 1)] = '\0';
	va_start(ap, fmt);
	if (vsnprintf(e->message, sizeof(e->message), fmt, ap) >= (int)sizeof(e->message))
		e->message[utf8_whole(e->message, sizeof(e->message) - 1)] = '\0';
	va_end(ap);
	return -1;
}
