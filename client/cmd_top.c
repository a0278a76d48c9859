/*
 * top: the daemon, its queues and what runs, live on the whole screen.
 *
 * A daemon that goes away (it may be restarted) is waited for, while the last
 * that was seen of it stays on the screen.
 */
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "client/cmd.h"
#include "client/screen.h"
#include "client/top_view.h"
#include "proto/timefmt.h"

enum { TOP_PING, TOP_STATUS, TOP_QUEUES, TOP_RUNNING, TOP_REQUESTS };
enum {
	TOP_RUNNING_MAX = 500,
	TOP_FASTEST = 100,		/* milliseconds */
	TOP_SLOWEST = 24 * 3600 * 1000,
	TOP_SILENCE = 3,		/* seconds */
	TOP_TRY = 1000,			/* milliseconds that a try to connect may hold up the keys */
	TOP_AGAIN = 250000		/* microseconds between tries */
};

struct top {
	struct ctl *ctl;
	struct screen screen;
	int64_t interval_ms, patience_ms;
	int64_t numbers[TOP_REQUESTS];		/* of the requests under way; 0: answered */
	json_t *answers[TOP_REQUESTS];		/* the latest of each */
	mono_us sent, next;			/* next: MONO_NEVER while requests are under way */
	mono_us answered;			/* when the answers came */
	mono_us counted;			/* when `ended` was */
	int64_t ended;				/* jobs, by the status before */
	double per_second;
	bool lost;				/* there is no connection; `next` is when to try again */
	mono_us gone;				/* since when the daemon is; 0: it has answered */
	char loss[512], problem[600];
};

/* ---- asking ---- */

static bool top_ask(struct top *t, struct jobd_error *error)
{
	static const char *const methods[TOP_REQUESTS] = { "daemon.ping", "daemon.status", "queue.list", "job.list" };

	for (int i = 0; i < TOP_REQUESTS; i++) {
		json_t *params = i == TOP_RUNNING ? json_pack("{s:s, s:s, s:i}", "state", "running", "order", "oldest", "limit", TOP_RUNNING_MAX) : NULL;

		t->numbers[i] = jobd_send(t->ctl->conn, methods[i], params, error);
		if (t->numbers[i] < 0)
			return false;
	}
	t->sent = clock_mono();
	t->next = MONO_NEVER;
	t->problem[0] = '\0';
	return jobd_flush(t->ctl->conn, error) == 0;
}

/* How many jobs ended since the status before; records that went away meanwhile make it unknown. */
static void top_reckon(struct top *t)
{
	int64_t ended = top_view_ended(t->answers[TOP_STATUS]);
	mono_us now = clock_mono();

	t->per_second = t->counted > 0 && ended >= t->ended ? (double)(ended - t->ended) * 1e6 / (double)(now - t->counted) : -1;
	t->ended = ended;
	t->counted = now;
}

/* All are there: what took long is asked for less often, so that looking costs the daemon little. */
static void top_settled(struct top *t)
{
	mono_us now = clock_mono(), took = now - t->sent, pause = t->interval_ms * 1000;

	t->answered = now;
	t->gone = 0;
	t->next = t->sent + (pause > took * 10 ? pause : took * 10);
	if (t->numbers[TOP_STATUS] == 0)
		top_reckon(t);
}

/* Is the connection still there? To be asked when something came that nobody has asked for. */
static bool top_alive(struct top *t, struct jobd_error *error)
{
	json_t *event = jobd_event(t->ctl->conn, 0, error);
	bool alive = event != NULL || ctl_nothing(error);

	json_decref(event);
	return alive;
}

/* Takes the answer to a request, if it is there. False: it is over. What was refused leaves the answer before, if there is one. */
static bool top_take_one(struct top *t, int i, struct jobd_error *error)
{
	json_t *answer = jobd_receive(t->ctl->conn, &t->numbers[i], 0, error);

	if (answer == NULL && ctl_nothing(error))
		return true;
	if (answer == NULL && (error->code == 0 || t->answers[TOP_STATUS] == NULL))
		return false;
	t->numbers[i] = 0;
	if (answer == NULL) {
		snprintf(t->problem, sizeof(t->problem), "%s", error->message);
		return true;
	}
	json_decref(t->answers[i]);
	t->answers[i] = answer;
	return true;
}

/* Takes what has come. False: it is over. */
static bool top_take(struct top *t, struct jobd_error *error)
{
	bool waiting = false;

	if (t->next != MONO_NEVER)
		return top_alive(t, error);
	for (int i = 0; i < TOP_REQUESTS; i++) {
		if (t->numbers[i] > 0 && !top_take_one(t, i, error))
			return false;
		waiting |= t->numbers[i] > 0;
	}
	if (!waiting)
		top_settled(t);
	return true;
}

/* ---- a daemon that is gone ---- */

static int top_give_up(const struct top *t, struct jobd_error *error)
{
	if (t->gone > 0)
		snprintf(error->message, sizeof(error->message), "%.400s, and was not back %lld s later", t->loss,
			 (long long)(clock_mono() - t->gone) / 1000000);
	return CTL_NO_DAEMON;
}

/* -1: it is waited for; else the exit code, with *error. */
static int top_lose(struct top *t, struct jobd_error *error)
{
	mono_us now = clock_mono();

	if (!jobd_lost(error) || t->answers[TOP_STATUS] == NULL || t->patience_ms == 0)
		return CTL_NO_DAEMON;
	t->lost = true;
	t->next = now;
	if (t->gone > 0) {
		t->next += TOP_AGAIN;	/* and again at once */
		return (now - t->gone) / 1000 < t->patience_ms ? -1 : top_give_up(t, error);
	}
	t->gone = now;
	snprintf(t->loss, sizeof(t->loss), "%s", error->message);
	return -1;
}

/* What was asked over the old connection has no answer. */
static void top_found(struct top *t)
{
	struct jobd_error error;

	for (int i = 0; i < TOP_REQUESTS; i++) {
		if (t->numbers[i] > 0)
			json_decref(jobd_receive(t->ctl->conn, &t->numbers[i], 0, &error));
		t->numbers[i] = 0;
	}
	t->lost = false;
	t->counted = 0;
	t->per_second = -1;
	t->next = clock_mono();
}

/* Tries to connect anew when it is time to. -1: go on; else as top_lose. */
static int top_seek(struct top *t, struct jobd_error *error)
{
	if (clock_mono() < t->next)
		return -1;
	if (ctl_again_once(t->ctl, TOP_TRY, error) == 0)
		top_found(t);
	else if (!jobd_lost(error))
		return CTL_NO_DAEMON;
	else if ((clock_mono() - t->gone) / 1000 >= t->patience_ms)
		return top_give_up(t, error);
	else
		t->next = clock_mono() + TOP_AGAIN;
	return -1;
}

/* ---- showing ---- */

static wall_ms top_now(const struct top *t)
{
	const char *said = json_string_value(json_object_get(t->answers[TOP_PING], "now"));
	wall_ms now;

	if (said == NULL || timefmt_read(said, &now) < 0)
		return clock_wall();
	return now + (clock_mono() - t->answered) / 1000;
}

static bool top_show(struct top *t)
{
	int64_t silent = t->next == MONO_NEVER ? (clock_mono() - t->sent) / 1000000 : 0;
	struct top_data data = {
		.address = jobd_address(t->ctl->conn), .status = t->answers[TOP_STATUS],
		.queues = json_object_get(t->answers[TOP_QUEUES], "queues"), .running = json_object_get(t->answers[TOP_RUNNING], "jobs"),
		.now = top_now(t), .ended = t->per_second, .problem = t->problem[0] != '\0' ? t->problem : NULL
	};
	char waits[sizeof(t->loss) + 40];
	struct frame f;
	bool shown;

	if (t->gone > 0) {
		snprintf(waits, sizeof(waits), "waited for, %lld s so far: %s", (long long)(clock_mono() - t->gone) / 1000000, t->loss);
		data.problem = waits;
	} else if (silent >= TOP_SILENCE) {
		snprintf(waits, sizeof(waits), "jobd has not answered for %lld s", (long long)silent);
		data.problem = waits;
	}
	if (frame_init(&f, t->screen.width, t->screen.height, ctl_colored(t->ctl, true)) < 0)
		return false;
	top_view(&f, &data);
	shown = screen_show(&t->screen, &f);
	frame_free(&f);
	return shown;
}

/* ---- the loop ---- */

/* Until it is time to ask, or to move the clock on. */
static int top_timeout(const struct top *t)
{
	mono_us now = clock_mono(), left = t->next == MONO_NEVER ? 1000000 : t->next - now;

	return left <= 0 ? 0 : left > 1000000 ? 1000 : (int)(left / 1000) + 1;
}

/* Asks, or looks for the daemon, if it is time to. -1: go on; else see *error. */
static int top_begin(struct top *t, struct jobd_error *error)
{
	int code = t->lost ? top_seek(t, error) : -1;

	if (code < 0 && !t->lost && t->next != MONO_NEVER && clock_mono() >= t->next && !top_ask(t, error))
		code = top_lose(t, error);
	return code;
}

static enum screen_event top_wait(struct top *t)
{
	if (t->lost)
		return screen_wait(&t->screen, -1, top_timeout(t));
	/* Asking for one thing reads others in: they are there without the descriptor telling. */
	return jobd_pending(t->ctl->conn) ? SCREEN_OTHER : screen_wait(&t->screen, jobd_fd(t->ctl->conn), top_timeout(t));
}

/* One turn. -1: go on; CTL_DONE: enough; else see *error. */
static int top_turn(struct top *t, struct jobd_error *error)
{
	int code = top_begin(t, error);
	enum screen_event event;

	if (code >= 0)
		return code;
	event = top_wait(t);
	if (event == SCREEN_QUIT)
		return CTL_DONE;
	if (event == SCREEN_OTHER) {
		mono_us before = t->answered;

		if (!top_take(t, error))
			return top_lose(t, error);
		if (t->answered == before)
			return -1;	/* not all of it: to be shown at once */
	}
	return top_show(t) ? -1 : CTL_JOB;
}

static int top_run(struct top *t)
{
	struct jobd_error error;
	int code = -1;

	if (!screen_open(&t->screen))
		return CTL_JOB;
	t->per_second = -1;
	while (code < 0)
		code = top_turn(t, &error);
	screen_close(&t->screen);
	return code == CTL_NO_DAEMON ? ctl_refused(NULL, &error) : code;
}

static int top_start(struct ctl *ctl, const struct cmd *cmd, struct top *t)
{
	const char *term = getenv("TERM");
	int code;

	if (ctl->json || !ctl->out_terminal || !isatty(STDIN_FILENO) || term == NULL || *term == '\0' || strcmp(term, "dumb") == 0)
		return options_misused(cmd, "it needs a terminal; elsewhere there are status, queue list and list");
	if (t->interval_ms < TOP_FASTEST || t->interval_ms > TOP_SLOWEST)
		return options_misused(cmd, "--interval: it is at least %d ms and at most a day", TOP_FASTEST);
	code = ctl_connect(ctl);
	return code != 0 ? code : top_run(t);
}

static const struct opt top_options[] = {
	{ 'd', "interval", "SPAN", "look again after that long (1s)", opt_span, offsetof(struct top, interval_ms), NULL, NULL },
	{ 'w', "wait", "SPAN", "so long a daemon that is gone may take to be back (10s)", opt_span, offsetof(struct top, patience_ms), NULL, NULL },
	{ 0, NULL, NULL, NULL, NULL, 0, NULL, NULL }
};

static int top_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct top t = { .ctl = ctl, .interval_ms = 1000, .patience_ms = 10000 };
	struct words w;
	int code;

	if (!options_words(ctl, cmd, argc, argv, &t, &w, 0, 0, &code))
		return code;
	code = top_start(ctl, cmd, &t);
	for (int i = 0; i < TOP_REQUESTS; i++)
		json_decref(t.answers[i]);
	return code;
}

const struct cmd cmd_top = {
	"top", "", "show queues, running jobs and the daemon, live",
	"On the whole terminal: how the daemon is, the queues, the busiest first, and what runs, with its progress, the\n"
	"longest first. q ends it. A daemon that goes away, to be restarted perhaps, is waited for.\n"
	"A SPAN is written 90 (seconds), 250ms, 10m or 1h30m.\n",
	"jobctl top\n"
	"jobctl top --interval 5\n",
	{ top_options, NULL }, top_main
};
