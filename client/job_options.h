/* job_options: a job as the command line says it. */
#ifndef JOBCTL_JOB_OPTIONS_H
#define JOBCTL_JOB_OPTIONS_H

#include <jansson.h>

#include "client/options.h"

/* The members of a job that `submit` and `run` share; into a json_t object: the job. */
extern const struct opt job_options[];

/* "KEY=VALUE" and "KEY:=JSON" into args. 0; or -1, said. */
int job_options_args(const struct words *w, int first, json_t *args);

/* The command after "--" as args.argv. 0; or -1, said. */
int job_options_argv(char **words, int n, json_t *args);

/* The type that w->v[first] is, and args: those of --args (NULL: none), the words behind, the command. 0, or the exit code. */
int job_options_put(const struct cmd *cmd, const struct words *w, int first, json_t *args, json_t *job);

/* The filters of the commands that take many jobs at once; into a json_t object: the params. */
extern const struct opt filter_options[];

#endif
