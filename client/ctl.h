/*
 * ctl: one run of jobctl: what the global options say, the connection to the
 * daemon, and how jobctl speaks: data on stdout, all else on stderr.
 */
#ifndef JOBCTL_CTL_H
#define JOBCTL_CTL_H

#include <jansson.h>
#include <stdbool.h>
#include <stdio.h>

#include "client/client.h"

enum {
	CTL_DONE = 0,
	CTL_JOB = 1,		/* the job failed, was cancelled or expired; or the output could not be written */
	CTL_USAGE = 2,
	CTL_NO_DAEMON = 3,
	CTL_REFUSED = 4,
	CTL_TIMEOUT = 5,
	/* `run` only */
	CTL_RUN_TIMEOUT = 124,
	CTL_RUN_FAILED = 125
};

struct ctl {
	const char *address;		/* NULL: the library's default */
	const char *token_file;		/* NULL: none */
	const char *color;		/* "auto", "always", "never" */
	bool json, quiet, help, version;
	bool out_terminal, err_terminal;
	int out_error;			/* errno of the first write to stdout that failed; 0: none has */
	struct jobd *conn;		/* NULL until ctl_connect */
};

/* From here to ctl_end stdout writes through ctl, so that it is known why a write failed. */
void ctl_init(struct ctl *ctl);
/* Closes the connection and stdout; the exit code, which becomes CTL_JOB where stdout took not all. */
int ctl_end(struct ctl *ctl, int code);

/* May what goes to this stream be coloured? */
bool ctl_colored(const struct ctl *ctl, bool terminal);

/* ---- stderr ---- */

/* "jobctl: ...", with nothing in it that a terminal would obey. */
void ctl_error(const char *fmt, ...) __attribute__((format(printf, 1, 2)));
/* The same for what is no error: not with --quiet. */
void ctl_note(const struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
/*
 * Says "what: message" (what: NULL for nothing; left out where the message names it already) and returns the exit
 * code that follows from the error.
 */
int ctl_refused(const char *what, const struct jobd_error *error);

/* ---- stdout ---- */

/* The value on a line of its own, as the wire has it. */
void ctl_print_json(const json_t *value);
/* After each piece of an endless output: sends it on. False: nobody reads it any more. */
bool ctl_flush(void);
/* All the bytes at once, waiting where the descriptor does not. 0, or -errno. */
int ctl_write(int fd, const char *data, size_t size);

/* CTL_DONE where the final record says succeeded; else says how it ended, and CTL_JOB. */
int ctl_job_code(const struct ctl *ctl, const json_t *record);

/* ---- requests ---- */

/* Sets a member; value is stolen. False: out of memory, was said. */
bool ctl_put(json_t *object, const char *name, json_t *value);

/* ---- the daemon ---- */

/* 0, or the exit code, having said why. Does nothing where there is a connection. */
int ctl_connect(struct ctl *ctl);

/* Connects anew, and logs in, after the connection was lost. 0; -1. */
int ctl_again(struct ctl *ctl, struct jobd_error *error);
/* The same with a single try of at most timeout_ms to connect. */
int ctl_again_once(struct ctl *ctl, int timeout_ms, struct jobd_error *error);

/*
 * As ctl_call of job.submit; where the connection is lost before the answer, the job is submitted once more over a new
 * one: its request_id sees to it that one job results. job is stolen.
 */
json_t *ctl_submit(struct ctl *ctl, json_t *job, int *code);

/* Did a call with a time to wait bring nothing only because nothing came in it? */
bool ctl_nothing(const struct jobd_error *error);

/* Connects if need be, calls. NULL: failed, was said, and *code is the exit code. params is stolen. */
json_t *ctl_call(struct ctl *ctl, const char *method, json_t *params, int *code);

#endif
