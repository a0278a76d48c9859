/* job_check: what the options of a job say together. */
#ifndef JOBCTL_JOB_CHECK_H
#define JOBCTL_JOB_CHECK_H

#include <jansson.h>

struct cmd;
struct ctl;

/*
 * 0; or CTL_USAGE, having said which options contradict each other, or leave
 * the job no moment in which it could start. Notes a time that has passed.
 */
int job_check(const struct ctl *ctl, const struct cmd *cmd, const json_t *job);

/* The same for the job of a schedule, to which a fixed time means nothing. */
int job_check_repeated(const struct cmd *cmd, const json_t *job);

/* Notes that the job's run_at or expires_at has passed. */
void job_check_past(const struct ctl *ctl, const json_t *job);

#endif
