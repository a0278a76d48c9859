/* logs: what a job has printed, and what it prints from now on. */
#include <stddef.h>
#include <string.h>

#include "client/cmd.h"
#include "client/follow.h"
#include "client/ids.h"

static const char *const logs_streams[] = { "stdout", "stderr", NULL };

struct logs {
	bool follow;
	int64_t attempt;		/* -1: the latest */
	const char *stream;
};

static const struct opt logs_options[] = {
	{ 'f', "follow", NULL, "go on until the job is over", opt_flag, offsetof(struct logs, follow), NULL, NULL },
	{ 0, "attempt", "N", "of that attempt (the latest)", opt_number, offsetof(struct logs, attempt), NULL, NULL },
	{ 0, "stream", "NAME", "only stdout, or only stderr", opt_text, offsetof(struct logs, stream), NULL, logs_streams },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

static int logs_show(struct ctl *ctl, const struct logs *logs, int64_t id)
{
	struct follow f;
	json_t *record;
	int code = follow_init(&f, ctl, false);

	if (code != 0)
		return code;
	f.id = id;
	if (logs->stream != NULL)
		f.wanted[strcmp(logs->stream, "stdout") == 0] = false;
	if (logs->follow) {
		record = follow_job(&f, logs->attempt > 0 ? (int)logs->attempt : 0);
		json_decref(record);
		return record != NULL || f.broken ? CTL_DONE : ctl_refused(NULL, &f.error);
	}
	f.attempt = logs->attempt > 0 ? (int)logs->attempt : follow_latest(&f);
	if (f.attempt < 0 || (f.attempt > 0 && follow_fetch(&f) < 0))
		return ctl_refused(NULL, &f.error);
	return CTL_DONE;
}

/* One after the other. The exit code: of the last that was refused. */
static int logs_show_all(struct ctl *ctl, const struct logs *logs, const struct ids *ids)
{
	int code = CTL_DONE;

	for (size_t i = 0; i < ids->n && code != CTL_NO_DAEMON; i++) {
		int last;

		if (ids->n > 1)
			ctl_note(ctl, "job %lld:", (long long)ids->v[i]);
		last = logs_show(ctl, logs, ids->v[i]);
		if (last != CTL_DONE)
			code = last;
	}
	return code;
}

static int logs_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct logs logs = { .attempt = -1 };
	struct ids ids;
	int code;

	if (!ids_read(ctl, cmd, argc, argv, &logs, &ids, &code))
		return code;
	if (logs.attempt == 0 || logs.attempt > INT32_MAX)
		code = options_misused(cmd, "--attempt: they count from 1 to %d", INT32_MAX);
	else if ((code = ctl_connect(ctl)) == 0)
		code = logs_show_all(ctl, &logs, &ids);
	ids_free(&ids);
	return code;
}

const struct cmd cmd_logs = {
	"logs", "ID...", "show what jobs have printed",
	"Their stdout goes to stdout, their stderr to stderr. With --follow until the job is over; from the attempt asked\n"
	"for (the latest) through all later ones. With --json each piece is an object with its attempt, stream and offset.\n",
	"jobctl logs 42\n"
	"jobctl logs -f 42\n"
	"jobctl logs 42 --attempt 1 --stream stderr\n",
	{ logs_options, NULL }, logs_main
};
