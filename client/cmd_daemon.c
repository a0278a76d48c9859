/* ping, drain, resume and reload: a method of the daemon's each. */
#include "base/clock.h"
#include "client/cmd.h"

/* Calls it; *answer is the caller's. The exit code. */
static int daemon_call(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, json_t **answer)
{
	char method[32];
	struct words w;
	int code;

	*answer = NULL;
	if (!options_read(ctl, cmd, argc, argv, false, NULL, NULL, &w, &code))
		return code;
	code = options_expect(cmd, &w, 0, 0);
	if (code != 0)
		return code;
	snprintf(method, sizeof(method), "daemon.%s", cmd->name);
	*answer = ctl_call(ctl, method, NULL, &code);
	if (*answer != NULL && ctl->json)
		ctl_print_json(*answer);
	return code;
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
