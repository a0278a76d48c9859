#include "client/progress.h"

#include <stdio.h>
#include <string.h>
#include <sys/ioctl.h>
#include <unistd.h>

#include "client/ctl.h"

enum { PROGRESS_EVERY = 100000 /* us */, PROGRESS_BAR = 40 };

void progress_start(struct progress *p, const struct ctl *ctl, int64_t total)
{
	memset(p, 0, sizeof(*p));
	p->shown = ctl->err_terminal && !ctl->quiet;
	p->total = total;
	p->started = clock_mono();
}

static int progress_width(void)
{
	struct winsize size;

	return ioctl(STDERR_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 ? size.ws_col : 80;
}

/* "[=====>    ]  52 %", as wide as the line allows. */
static void progress_bar(char *out, size_t size, double fraction, int room)
{
	int width = room < PROGRESS_BAR ? room : PROGRESS_BAR;
	int full = (int)(fraction * width);

	if (width < 5)
		snprintf(out, size, "%3.0f %%", fraction * 100);
	else
		snprintf(out, size, "[%.*s%s%*s] %3.0f %%", full > 0 ? full - 1 : 0,
			 "========================================", full > 0 ? ">" : "", width - full, "", fraction * 100);
}

void progress_set(struct progress *p, int64_t done, int64_t count, const char *noun)
{
	mono_us now;
	char bar[64] = "", text[128], line[200];
	double seconds;
	int width;

	if (!p->shown)
		return;
	now = clock_mono();
	if (now - p->last < PROGRESS_EVERY)
		return;
	seconds = (double)(now - p->started) / 1e6;
	snprintf(text, sizeof(text), "%lld %s, %.0f/s", (long long)count, noun, seconds > 0 ? (double)count / seconds : 0);
	width = progress_width();
	if (p->total > 0)
		progress_bar(bar, sizeof(bar), done < p->total ? (double)done / (double)p->total : 1, width - (int)strlen(text) - 12);
	snprintf(line, sizeof(line), "%s%s%s", bar, bar[0] != '\0' ? " " : "", text);
	fprintf(stderr, "\r\033[K%.*s", width - 1, line);	/* what went on to a second line could not be erased */
	fflush(stderr);
	p->last = now;
	p->drawn = true;
}

void progress_clear(struct progress *p)
{
	if (!p->drawn)
		return;
	fputs("\r\033[K", stderr);
	fflush(stderr);
	p->drawn = false;
	p->last = 0;
}
