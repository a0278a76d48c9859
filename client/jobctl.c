/* jobctl: the command line client. Finds the command, hands the rest of the line to it. */
#include <fcntl.h>
#include <locale.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "client/cmd.h"

/* `jobctl queue --help` explains a family. */
static int jobctl_unknown(const char *first, const char *second)
{
	if (second != NULL && (strcmp(second, "--help") == 0 || strcmp(second, "-h") == 0) && cmd_help_family(first, stdout))
		return CTL_DONE;
	return cmd_unknown(first, second);
}

/*
 * A stream that the caller has closed must not become the number of a socket, or what is printed would go to the
 * daemon. What takes its place is open the other way round, so that using it fails as if it were closed.
 */
static bool jobctl_hold_streams(void)
{
	for (int fd = 0; fd <= 2; fd++)
		if (fcntl(fd, F_GETFD) < 0 && open("/dev/null", fd == 0 ? O_WRONLY : O_RDONLY) != fd)
			return false;
	return true;
}

static int jobctl_main(struct ctl *ctl, int argc, char **argv)
{
	const struct cmd *cmd;
	struct words w;
	int code, words;

	if (!options_read(ctl, NULL, argc, argv, true, NULL, NULL, &w, &code))
		return code;
	if (w.rest_n == 0) {
		cmd_help_all(stderr);
		return CTL_USAGE;
	}
	cmd = cmd_find(w.rest_n, w.rest, &words);
	if (cmd == NULL)
		return jobctl_unknown(w.rest[0], w.rest[1]);
	return cmd->run(ctl, cmd, w.rest_n - words + 1, w.rest + words - 1);
}

int main(int argc, char **argv)
{
	struct ctl ctl;

	if (!jobctl_hold_streams())
		return CTL_JOB;
	/* JSON is UTF-8, and so is what is shown of it, also where no locale is set. Numbers keep their point. */
	if (setlocale(LC_CTYPE, "") == NULL || MB_CUR_MAX == 1)
		setlocale(LC_CTYPE, "C.UTF-8");
	signal(SIGPIPE, SIG_IGN);	/* a reader that has had enough is no reason to leave a job behind */
	ctl_init(&ctl);
	return ctl_end(&ctl, jobctl_main(&ctl, argc, argv));
}
