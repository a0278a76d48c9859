#include "coro/timer.h"

#include <errno.h>
#include <sys/timerfd.h>
#include <unistd.h>

static struct {
	struct heap due;
	size_t places;		/* timers open */
	mono_us armed;		/* what the timerfd is set for */
	int fd;
} timers = { .fd = -1 };

int timer_open(struct timer *t, void (*fn)(struct timer *t))
{
	if (heap_reserve(&timers.due, timers.places + 1) < 0)
		return -ENOMEM;
	timers.places++;
	*t = (struct timer){ .fn = fn };
	return 0;
}

void timer_close(struct timer *t)
{
	timer_unset(t);
	timers.places--;
}

void timer_set(struct timer *t, mono_us deadline)
{
	uint64_t key = deadline > 0 ? (uint64_t)deadline : 0;

	if (deadline == MONO_NEVER)
		timer_unset(t);
	else if (heap_holds(&t->node))
		heap_move(&timers.due, &t->node, key);
	else
		heap_add(&timers.due, &t->node, key);
}

void timer_unset(struct timer *t)
{
	if (heap_holds(&t->node))
		heap_remove(&timers.due, &t->node);
}

int timers_open(int *fd)
{
	heap_init(&timers.due);
	timers.places = 0;
	timers.armed = MONO_NEVER;
	timers.fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
	if (timers.fd < 0)
		return -errno;
	*fd = timers.fd;
	return 0;
}

void timers_close(void)
{
	if (timers.fd >= 0)
		close(timers.fd);
	timers.fd = -1;
	heap_free(&timers.due);
}

void timers_fired(void)
{
	uint64_t times;

	if (read(timers.fd, &times, sizeof(times)) > 0)
		timers.armed = MONO_NEVER;
}

/* No more calls than there were timers: one that sets itself anew, in the past, has its next turn in the next. */
void timers_run(void)
{
	mono_us now = clock_mono();
	struct heap_node *top;

	for (size_t n = timers.due.n; n > 0; n--) {
		struct timer *t;

		top = heap_top(&timers.due);
		if (top == NULL || top->key > (uint64_t)now)
			break;
		t = (struct timer *)top;
		heap_remove(&timers.due, top);
		t->fn(t);
	}
}

mono_us timers_next(void)
{
	const struct heap_node *top = heap_top(&timers.due);

	return top != NULL ? (mono_us)top->key : MONO_NEVER;
}

bool timers_arm(void)
{
	mono_us next = timers_next(), now = clock_mono();
	struct itimerspec in = { 0 };

	if (next == MONO_NEVER)
		return true;
	if (next <= now)
		return false;
	if (timers.armed <= next)
		return true;
	in.it_value.tv_sec = (next - now) / 1000000;
	in.it_value.tv_nsec = (next - now) % 1000000 * 1000;
	timerfd_settime(timers.fd, 0, &in, NULL);
	timers.armed = next;
	return true;
}
