/* exec_args: the arguments of an exec job, read and checked; the same in the daemon and in the pool process. */
#ifndef JOBD_EXEC_ARGS_H
#define JOBD_EXEC_ARGS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "proto/params.h"

enum { EXEC_ARGV_MAX = 65536, EXEC_ENV_MAX = 65536, EXEC_LIMITS = 5 };

struct exec_args {
	json_t *argv;			/* of strings; NULL where there is a command */
	const char *command;		/* for sh -c; NULL where there is an argv */
	const char *input;		/* or NULL */
	size_t input_len;
	json_t *env;			/* of strings; or NULL */
	const char *cwd;		/* or NULL */
	bool ok[256];			/* exit codes that are a success */
	bool has_nice;
	int nice;
	struct {
		int resource;		/* RLIMIT_... */
		uint64_t value;
	} limits[EXEC_LIMITS];
	size_t limits_len;
};

/* Everything is borrowed from the args. The first thing wrong is in args->error. */
void exec_args_read(struct params *args, struct exec_args *out);

/* The limit of that resource; 0 where there is none. */
uint64_t exec_args_limit(const struct exec_args *a, int resource);

#endif
