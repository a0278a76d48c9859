#include "client/screen.h"

#include <errno.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/signalfd.h>
#include <time.h>
#include <unistd.h>

#include "client/ctl.h"

/* The other screen, without a cursor and without wrapping; and back. */
#define SCREEN_ENTER "\033[?1049h\033[?25l\033[?7l\033[H\033[2J"
#define SCREEN_LEAVE "\033[?7h\033[?25h\033[?1049l"

enum { SCREEN_WIDTH_MAX = 1000, SCREEN_HEIGHT_MAX = 500 };

static void screen_forget(struct screen *s)
{
	frame_free(&s->shown);
}

static void screen_measure(struct screen *s)
{
	struct winsize size;

	s->width = 80;
	s->height = 24;
	if (ioctl(STDOUT_FILENO, TIOCGWINSZ, &size) == 0 && size.ws_col > 0 && size.ws_row > 0) {
		s->width = size.ws_col < SCREEN_WIDTH_MAX ? size.ws_col : SCREEN_WIDTH_MAX;
		s->height = size.ws_row < SCREEN_HEIGHT_MAX ? size.ws_row : SCREEN_HEIGHT_MAX;
	}
	screen_forget(s);
}

/* ---- taking it and giving it back ---- */

static bool screen_enter(struct screen *s)
{
	struct termios raw = s->before;

	raw.c_lflag &= ~(tcflag_t)(ICANON | ECHO);	/* Ctrl-C and Ctrl-Z stay signals */
	raw.c_cc[VMIN] = 0;
	raw.c_cc[VTIME] = 0;
	screen_measure(s);
	return tcsetattr(STDIN_FILENO, TCSAFLUSH, &raw) == 0 && ctl_write(STDOUT_FILENO, SCREEN_ENTER, strlen(SCREEN_ENTER)) == 0;
}

static void screen_leave(const struct screen *s)
{
	ctl_write(STDOUT_FILENO, SCREEN_LEAVE, strlen(SCREEN_LEAVE));
	tcsetattr(STDIN_FILENO, TCSAFLUSH, &s->before);
}

static bool screen_watch_signals(struct screen *s)
{
	static const int watched[] = { SIGINT, SIGTERM, SIGHUP, SIGQUIT, SIGWINCH, SIGTSTP, SIGCONT };
	sigset_t set;

	sigemptyset(&set);
	for (size_t i = 0; i < sizeof(watched) / sizeof(watched[0]); i++)
		sigaddset(&set, watched[i]);
	s->signals = signalfd(-1, &set, SFD_CLOEXEC | SFD_NONBLOCK);
	return s->signals >= 0 && sigprocmask(SIG_BLOCK, &set, NULL) == 0;
}

bool screen_open(struct screen *s)
{
	memset(s, 0, sizeof(*s));
	if (tcgetattr(STDIN_FILENO, &s->before) < 0 || !screen_watch_signals(s)) {
		ctl_error("the terminal cannot be used: %s", strerror(errno));
		return false;
	}
	if (screen_enter(s))
		return true;
	screen_close(s);
	ctl_error("the terminal cannot be used");
	return false;
}

/* The signals stay blocked: one that comes now, when all is over, must not change the exit code. */
void screen_close(struct screen *s)
{
	screen_leave(s);
	screen_forget(s);
	close(s->signals);
}

/* Ctrl-Z: as whoever typed it expects, but with the terminal in order meanwhile. */
static void screen_suspend(struct screen *s)
{
	static const struct timespec at_once;
	sigset_t go_on;

	screen_leave(s);
	raise(SIGSTOP);
	sigemptyset(&go_on);
	sigaddset(&go_on, SIGCONT);
	sigtimedwait(&go_on, NULL, &at_once);	/* it is known: to be told of it later would throw away keys */
	screen_enter(s);			/* before anything is shown */
}

/* ---- what happens ---- */

static enum screen_event screen_signal(struct screen *s)
{
	struct signalfd_siginfo info;

	if (read(s->signals, &info, sizeof(info)) != sizeof(info))
		return SCREEN_KEY;
	if (info.ssi_signo == SIGTSTP)
		screen_suspend(s);
	else if (info.ssi_signo == SIGCONT)
		screen_enter(s);
	else if (info.ssi_signo == SIGWINCH)
		screen_measure(s);
	else
		return SCREEN_QUIT;
	return SCREEN_SIZE;
}

/* How much of the keys is one: an arrow and the like come as ESC, "[" or "O", and what ends with a letter of theirs. */
static ssize_t screen_key_length(const char *keys, ssize_t n)
{
	ssize_t len = 2;

	if (keys[0] != '\033' || n < 2)
		return 1;
	if (keys[1] == 'O')
		len = 3;
	else if (keys[1] == '[')
		while (len < n && (keys[len++] & 0x40) == 0)
			;
	return len;
}

static enum screen_event screen_key(void)
{
	char keys[64];
	ssize_t n = read(STDIN_FILENO, keys, sizeof(keys));

	if (n == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
		return SCREEN_QUIT;
	for (ssize_t at = 0; at < n; at += screen_key_length(keys + at, n - at))
		if (keys[at] == 'q' || keys[at] == 'Q')
			return SCREEN_QUIT;
	return SCREEN_KEY;
}

enum screen_event screen_wait(struct screen *s, int other, int timeout_ms)
{
	struct pollfd p[3] = {
		{ .fd = s->signals, .events = POLLIN }, { .fd = STDIN_FILENO, .events = POLLIN }, { .fd = other, .events = POLLIN }
	};
	int n;

	do
		n = poll(p, 3, timeout_ms);
	while (n < 0 && errno == EINTR);
	if (p[0].revents != 0)
		return screen_signal(s);
	if (p[1].revents != 0)
		return screen_key();
	return p[2].revents != 0 ? SCREEN_OTHER : SCREEN_TIME;
}

/* ---- showing ---- */

static bool screen_same(const struct buf *a, const struct buf *b)
{
	return buf_len(a) == buf_len(b) && (buf_len(a) == 0 || memcmp(buf_data(a), buf_data(b), buf_len(a)) == 0);
}

bool screen_show(struct screen *s, struct frame *f)
{
	bool known = s->shown.rows != NULL;
	struct buf out;
	int rc = 0;

	buf_init(&out);
	for (int i = 0; i < f->height; i++) {
		if (known && screen_same(&f->rows[i], &s->shown.rows[i]))
			continue;
		buf_printf(&out, "\033[%d;1H", i + 1);
		if (buf_len(&f->rows[i]) > 0)
			buf_put(&out, buf_data(&f->rows[i]), buf_len(&f->rows[i]));
		else
			buf_puts(&out, "\033[2K");
	}
	if (buf_failed(&out))
		rc = -ENOMEM;
	else if (buf_len(&out) > 0)
		rc = ctl_write(STDOUT_FILENO, buf_data(&out), buf_len(&out));
	buf_free(&out);
	screen_forget(s);
	s->shown = *f;
	f->rows = NULL;
	return rc == 0;
}
