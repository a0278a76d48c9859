/*
 * error: the errors a request can be answered with.
 *
 * Each has a JSON-RPC code and a reason, the word in error.data.reason.
 */
#ifndef JOBD_ERROR_H
#define JOBD_ERROR_H

#include <stdint.h>

enum rpc_error_kind {
	RPC_OK,
	RPC_PARSE_ERROR,
	RPC_INVALID_REQUEST,
	RPC_METHOD_NOT_FOUND,
	RPC_INVALID_PARAMS,
	RPC_INTERNAL_ERROR,
	RPC_UNAUTHENTICATED,
	RPC_FORBIDDEN,
	RPC_NOT_FOUND,
	RPC_CONFLICT,
	RPC_TOO_LARGE,
	RPC_OVERLOADED,
	RPC_SHUTTING_DOWN,
	RPC_TIMEOUT,
	RPC_LEASE_LOST,
	RPC_STORAGE,
	RPC_ERROR_KINDS
};

/* One error, by value: it needs no memory that could run out. */
struct rpc_error {
	enum rpc_error_kind kind;	/* RPC_OK: no error */
	int64_t id;			/* error.data.id, the job meant; 0 = left out */
	char field[96];			/* error.data.field, e.g. "args.url"; "" = left out */
	char message[320];		/* a sentence for a person */
};

int rpc_error_code(enum rpc_error_kind kind);
const char *rpc_error_reason(enum rpc_error_kind kind);
/* The kind with that code; RPC_OK if there is none. */
enum rpc_error_kind rpc_error_kind_of(int code);

/* Sets the error unless one is set already: the first is the one that is told. Returns -1, for `return`. */
int rpc_error_set(struct rpc_error *e, enum rpc_error_kind kind, const char *field, const char *fmt, ...)
	__attribute__((format(printf, 4, 5)));

#endif
