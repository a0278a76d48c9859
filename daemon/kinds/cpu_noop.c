/* noop: its result is its args, as they are. For measuring, and to see that everything is well. */
#include <string.h>

#include "kinds/kind.h"
#include "work/child.h"

static void noop_check(struct params *args)
{
	(void)args;		/* anything goes */
}

static void noop_run(struct cpu_job *job, struct outcome *out)
{
	outcome_succeed(out, strndup(job->args, job->args_len), job->args_len);
}

const struct kind kind_noop = {
	.name = "noop", .class = CLASS_CPU, .brief = true, .check = noop_check, .run_cpu = noop_run,
};
