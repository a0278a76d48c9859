#include "client/question.h"

#include <stdarg.h>
#include <stdio.h>
#include <strings.h>
#include <unistd.h>

#include "client/ctl.h"

bool question_possible(const struct ctl *ctl)
{
	return ctl->err_terminal && isatty(STDIN_FILENO);
}

bool question_ask(const struct ctl *ctl, const char *fmt, ...)
{
	char answer[16] = "";
	va_list ap;

	va_start(ap, fmt);
	vfprintf(stderr, fmt, ap);
	va_end(ap);
	fputs(" [y/N] ", stderr);
	fflush(stderr);
	if (fgets(answer, sizeof(answer), stdin) == NULL)
		fputc('\n', stderr);
	if (strncasecmp(answer, "y\n", 2) == 0 || strncasecmp(answer, "yes\n", 4) == 0)
		return true;
	ctl_note(ctl, "nothing was changed");
	return false;
}
