/*
 * child: what a cpu handler is given, in its pool process.
 *
 * A handler is an ordinary blocking function. It may run a command, tell its
 * progress, produce output. Time is kept by the daemon: at a timeout or cancel
 * the command gets its signals and cpu_run_command returns as ever; a handler
 * that runs no command is ended with its process.
 */
#ifndef JOBD_CHILD_H
#define JOBD_CHILD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/resource.h>

struct cpu_services;

struct cpu_job {
	int64_t id;
	int attempt;
	const char *args;		/* JSON text that passed the kind's check, ended by a NUL */
	size_t args_len;
	size_t result_bytes;		/* a longer result fails the attempt */
	const struct cpu_services *services;
};

/* ---- commands ---- */

enum { COMMAND_LIMITS_MAX = 8, COMMAND_TAIL = 64 * 1024 };

struct command_limit {
	int resource;			/* RLIMIT_... */
	uint64_t value;
};

struct command {
	char *const *argv;		/* argv[0] without a slash is looked for in `path` */
	char *const *envp;
	const char *path;		/* directories, by colons */
	const char *cwd;
	const char *input;		/* its stdin; NULL: empty */
	size_t input_len;
	const int *nice;		/* NULL: as the pool process */
	struct command_limit limits[COMMAND_LIMITS_MAX];
	size_t limits_len;
};

/* How it went. */
struct command_end {
	bool spawned;			/* it could be started; else why[] is the sentence that says why not */
	char why[200];
	int status;			/* as wait(2) says it */
	struct rusage usage;
	struct {
		const char *data;	/* the last COMMAND_TAIL bytes; valid until the next command */
		size_t len;
		int64_t produced;	/* bytes in all */
	} out[2];			/* stdout, stderr */
};

/* What the process does for its handlers; tests bring their own. */
struct cpu_services {
	int (*run_command)(const struct command *command, struct command_end *end);
	void (*progress)(double fraction, const char *message);
};

/*
 * Runs the command in a process group of its own, passes its output on, and
 * when it exits kills the rest of the group. 0 with *end, even where it could not
 * be started; or -errno when this process lacks the means.
 */
static inline int cpu_run_command(struct cpu_job *job, const struct command *command, struct command_end *end)
{
	return job->services->run_command(command, end);
}

/* Tells how far it is (0..1, or < 0: unknown), for people; message may be NULL. */
static inline void cpu_progress(struct cpu_job *job, double fraction, const char *message)
{
	job->services->progress(fraction, message);
}

#endif
