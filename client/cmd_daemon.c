/* ping, drain, resume, reload and backup: a method of the daemon's each. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "base/clock.h"
#include "client/cmd.h"

/* Calls it with what it needs, which is stolen; *answer is the caller's. The exit code. */
static int daemon_ask(struct ctl *ctl, const struct cmd *cmd, json_t *params, json_t **answer)
{
	char method[32];
	int code;

	snprintf(method, sizeof(method), "daemon.%s", cmd->name);
	*answer = ctl_call(ctl, method, params, &code);
	if (*answer != NULL && ctl->json)
		ctl_print_json(*answer);
	return code;
}

/* The same for one that takes no words. */
static int daemon_call(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, json_t **answer)
{
	struct words w;
	int code;

	*answer = NULL;
	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 0, 0, &code))
		return code;
	return daemon_ask(ctl, cmd, NULL, answer);
}

static int ping_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	mono_us begun = clock_mono();
	json_t *answer;
	int code = daemon_call(ctl, cmd, argc, argv, &answer);
	const char *version = json_string_value(json_object_get(answer, "version"));

	if (answer != NULL && !ctl->json)
		printf("jobd %s at %s answers in %.1f ms\n", version != NULL ? version : "", jobd_address(ctl->conn),
		       (double)(clock_mono() - begun) / 1000);
	json_decref(answer);
	return code;
}

/* Drain, resume, reload: with no news but that it is done. */
static int daemon_tell(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, const char *done)
{
	json_t *answer;
	int code = daemon_call(ctl, cmd, argc, argv, &answer);

	if (answer != NULL && !ctl->json)
		ctl_note(ctl, "%s", done);
	json_decref(answer);
	return code;
}

static int drain_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	return daemon_tell(ctl, cmd, argc, argv, "nothing more will be started until `jobctl resume`");
}

static int resume_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	return daemon_tell(ctl, cmd, argc, argv, "jobs are started again");
}

static int reload_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	return daemon_tell(ctl, cmd, argc, argv, "the configuration has been read again");
}

/* The daemon's directory is another: the name as seen from here, in full. The caller's; NULL, which was said. */
static char *backup_path(const char *file)
{
	char *here = file[0] == '/' ? NULL : getcwd(NULL, 0), *path = NULL;
	int n = 0;

	if (file[0] == '/')
		path = strdup(file);
	else if (here != NULL && (n = asprintf(&path, "%s/%s", here, file)) < 0)
		path = NULL;
	if (path == NULL)
		ctl_error("%s: %s", file, strerror(errno));
	free(here);
	return path;
}

static int backup_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	json_t *params, *answer;
	struct words w;
	char *path;
	int code;

	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 1, 1, &code))
		return code;
	path = backup_path(w.v[0]);
	params = path != NULL ? json_pack("{s:s}", "path", path) : NULL;
	if (params == NULL) {
		if (path != NULL)
			ctl_error("the file's name is not UTF-8: %s", path);
		free(path);
		return CTL_USAGE;
	}
	code = daemon_ask(ctl, cmd, params, &answer);
	if (answer != NULL && !ctl->json)
		ctl_note(ctl, "%s has all jobs, %lld bytes", path, (long long)json_integer_value(json_object_get(answer, "bytes")));
	json_decref(answer);
	free(path);
	return code;
}

const struct cmd cmd_ping = {
	"ping", "", "ask whether the daemon answers",
	NULL,
	"jobctl ping\n"
	"jobctl -H tls://jobs.example.org:7421 ping\n",
	{ NULL, NULL }, ping_main
};

const struct cmd cmd_drain = {
	"drain", "", "start no more jobs",
	"What runs goes on; what is submitted waits. For one queue: queue pause.\n",
	"jobctl drain\n",
	{ NULL, NULL }, drain_main
};

const struct cmd cmd_resume = {
	"resume", "", "start jobs again, after drain",
	NULL,
	"jobctl resume\n",
	{ NULL, NULL }, resume_main
};

const struct cmd cmd_reload = {
	"reload", "", "make the daemon read its configuration again",
	NULL,
	"jobctl reload\n",
	{ NULL, NULL }, reload_main
};

const struct cmd cmd_backup = {
	"backup", "FILE", "copy the daemon's state into a file, while it works",
	"The daemon makes FILE, on its machine and as its user; there must be none of that name. To go back to it,\n"
	"stop the daemon and put FILE in the place of jobd.db in its state directory, without jobd.db-wal.\n",
	"jobctl backup /var/lib/jobd/backup-$(date +%F).db\n",
	{ NULL, NULL }, backup_main
};
