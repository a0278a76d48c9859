/*
 * sim [-s SEED] [-t SECONDS] [-n WORLDS]: as many worlds as there is time for,
 * one seed after the other; as TAP.
 */
#include "sim.h"

#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/random.h>
#include <time.h>
#include <unistd.h>

#include "base/log.h"
#include "clients.h"
#include "coro/loop.h"
#include "life.h"
#include "limits.h"
#include "listeners.h"
#include "many.h"
#include "model.h"
#include "order.h"
#include "plans.h"
#include "queues.h"
#include "rest.h"
#include "simstore.h"
#include "vloop.h"

enum { TRACES = 1 << 16, TRACE_LEN = 120, SHOWN = 40, WORLD_MAX = 240, QUIET = 2 * 3600 * 1000, SLOW_JOBS = 800 };

struct shape shape;
struct sim_figures figures;

/* ---- chance ---- */

static uint64_t chance;

uint64_t sim_mix(uint64_t a, uint64_t b)
{
	uint64_t h = a * 0x9e3779b97f4a7c15ULL + b + 0x7f4a7c159e3779b9ULL;

	h = (h ^ (h >> 30)) * 0xbf58476d1ce4e5b9ULL;
	h = (h ^ (h >> 27)) * 0x94d049bb133111ebULL;
	return h ^ (h >> 31);
}

static uint64_t bits(void)
{
	chance += 0x9e3779b97f4a7c15ULL;
	return sim_mix(chance, 1);
}

unsigned below(unsigned n)
{
	return (unsigned)((bits() >> 32) % n);
}

bool one_in(unsigned n)
{
	return n != 0 && below(n) == 0;
}

int64_t between(int64_t low, int64_t high)
{
	return low + (int64_t)(bits() % (uint64_t)(high - low + 1));
}

/* Chance that the daemon takes from the system comes out of the seed, too. */
ssize_t __wrap_getrandom(void *out, size_t size, unsigned flags);

ssize_t __wrap_getrandom(void *out, size_t size, unsigned flags)
{
	(void)flags;
	for (size_t i = 0; i < size; i++)
		((unsigned char *)out)[i] = (unsigned char)below(256);
	return (ssize_t)size;
}

/* ---- what happened ---- */

static struct {
	mono_us at;
	int64_t id;
	char text[TRACE_LEN];
} traces[TRACES];
static size_t traces_n;

void trace(int64_t id, const char *fmt, ...)
{
	va_list ap;
	size_t i = traces_n++ % TRACES;

	traces[i].at = clock_mono();
	traces[i].id = id;
	va_start(ap, fmt);
	vsnprintf(traces[i].text, TRACE_LEN, fmt, ap);
	va_end(ap);
}

static void tell_trace(size_t i)
{
	printf("# %12.6f  ", (double)traces[i % TRACES].at / 1e6);
	if (traces[i % TRACES].id > 0)
		printf("job %lld: ", (long long)traces[i % TRACES].id);
	printf("%s\n", traces[i % TRACES].text);
}

static void tell_traces(int64_t id)
{
	size_t from = traces_n > TRACES ? traces_n - TRACES : 0;

	for (size_t i = from; i < traces_n; i++)
		if (id != 0 ? traces[i % TRACES].id == id || i + SHOWN > traces_n : traces[i % TRACES].id < 0 || i + 2 * SHOWN > traces_n)
			tell_trace(i);
}

_Noreturn void broken(int64_t id, const char *fmt, ...)
{
	va_list ap;

	tell_traces(id);
	printf("not ok 1 - seed %llu: at %.6f s", (unsigned long long)shape.seed, (double)clock_mono() / 1e6);
	if (id != 0)
		printf(" job %lld", (long long)id);
	printf(": ");
	va_start(ap, fmt);
	vprintf(fmt, ap);
	va_end(ap);
	printf("\n# again: sim -s %llu -n 1\n", (unsigned long long)shape.seed);
	fflush(stdout);
	_exit(1);
}

/* ---- a world ---- */

/* Somewhere the clocks are about to change, or not. */
static void make_place(void)
{
	static const struct {
		const char *zone;
		int64_t change;
	} places[] = {
		{ "Europe/Berlin", 1806195600 }, { "Europe/Berlin", 1824944400 }, { "America/New_York", 1805007600 },
		{ "America/New_York", 1825567200 }, { "Australia/Lord_Howe", 1806764400 }, { "Australia/Lord_Howe", 1822491000 },
		{ "Asia/Kolkata", 1800000000 },
	};
	unsigned i = below(sizeof(places) / sizeof(places[0]));

	shape.zone = places[i].zone;
	shape.begin = places[i].change * 1000 - between(0, 3 * 3600 * 1000);
	shape.plans = !one_in(4);
	shape.listeners = !one_in(3);
	shape.quiet_in = one_in(3) ? 4 : 0;
	shape.least_every = shape.quiet_in != 0 ? 5000 : one_in(2) ? 100 : 1000;
}

static void make_shape(uint64_t seed)
{
	chance = sim_mix(seed, 0);
	shape = (struct shape){
		.seed = seed,
		.jobs = (size_t)between(500, 4000),
		.clients = (unsigned)between(2, 12),
		.think = (unsigned)between(0, one_in(3) ? 200 : 30),
		.burst = one_in(3) ? 300 : 20,
		.io_jobs = (unsigned)between(1, 40),
		.processes = (unsigned)between(1, 6),
		.prefetch = below(5),
		.latency = between(50, one_in(4) ? 50000 : 4000),
		.crash_in = one_in(5) ? 0 : one_in(6) ? (unsigned)between(20, 80) : (unsigned)between(200, 4000),
		.outage_in = one_in(2) ? 0 : (unsigned)between(300, 3000),
		.step_in = one_in(2) ? 0 : (unsigned)between(100, 1000),
		.stop_in = one_in(2) ? 0 : (unsigned)between(3, 20),
		.slow_in = one_in(5) ? 1 : one_in(4) ? 20 : 300,
		.fail_in = (unsigned)between(2, 12),
		.keys = one_in(2) ? 3 : 40,
		.after_in = one_in(3) ? 0 : one_in(2) ? 2 : 8,
		.groups = !one_in(3),
		.crowd = one_in(2),
		.steady = one_in(4),
	};
	if (shape.slow_in == 1 && shape.jobs > SLOW_JOBS)
		shape.jobs = SLOW_JOBS;
	make_place();
}

static struct cond crashed;

static void on_crash(void)
{
	cond_broadcast(&crashed);
}

static void start_clients(void)
{
	for (unsigned i = 0; i < shape.clients; i++)
		must(0, coro_spawn(life_clients(), "client", client_main, (void *)(intptr_t)i) == 0, "out of memory");
	for (unsigned i = 0; shape.listeners && i < LISTENERS; i++)
		must(0, coro_spawn(life_clients(), "listener", listener_main, (void *)(intptr_t)i) == 0, "out of memory");
}

/* Until a crash, the end of the clients, or of this life. */
static void live(void)
{
	mono_us until = shape.stop_in != 0 && one_in(2) ? clock_after(between(1, shape.stop_in * 1000) * 1000) : MONO_NEVER;

	while (!simstore_dead() && !client_enough() && clock_mono() < until)
		cond_wait(&crashed, clock_after(between(1, 100) * 1000));
}

static void wait_until_all_is_final(void)
{
	mono_us until = clock_after(7200LL * 1000 * 1000);

	while (backlog_active(&life_parts.backlog) > 0 || life_parts.attempts.group.count > 0) {
		must(0, clock_mono() < until, "%lld jobs never end", (long long)backlog_active(&life_parts.backlog));
		coro_sleep(clock_after(500 * 1000));
	}
}

/* A night in which only the clock asks for anything. */
static void pass_quietly(void)
{
	mono_us until = clock_after(between(0, QUIET) * 1000);

	while (!simstore_dead() && clock_mono() < until)
		cond_wait(&crashed, until);
}

static void world_main(void *arg)
{
	(void)arg;
	while (!client_enough()) {
		life_begin();
		if (one_in(shape.quiet_in))
			pass_quietly();
		start_clients();
		live();
		if (simstore_dead())
			life_crash();
		else
			life_stop();
		coro_sleep(clock_after(between(0, one_in(shape.quiet_in) ? QUIET : 3000) * 1000));
	}
	life_begin();
	simstore_calm();
	client_tidy();
	wait_until_all_is_final();
	coro_sleep(clock_after(60 * 1000 * 1000));
	rest_final();
	life_stop();
}

/* A coroutine that never gives way holds the clock, too: only the real one tells. */
static void on_alarm(int signo)
{
	(void)signo;
	broken(0, "somebody holds the loop");
}

static void run_world(uint64_t seed)
{
	struct loop_conf conf = { .coroutines_max = 100000 };
	struct coro_group group;

	signal(SIGALRM, on_alarm);
	alarm(WORLD_MAX);
	make_shape(seed);
	traces_n = 0;
	must(0, loop_open(&conf) == 0, "the loop does not open");
	vloop_set_wall(shape.begin);
	timetable_begin(shape.zone, shape.begin);
	cond_init(&crashed);
	coro_group_init(&group);
	model_begin();
	requests_begin();
	wishes_begin();
	many_begin();
	life_forget();
	order_begin();
	limits_begin();
	queues_begin();
	plans_begin();
	listeners_begin();
	rest_begin();
	simstore_make(on_crash);
	vloop_on_idle(rest_look);
	must(0, coro_spawn(&group, "world", world_main, NULL) == 0, "out of memory");
	loop_run();
	figures.lived += clock_mono();
	simstore_free();
	requests_end();
	model_end();
	timetable_end();
	listeners_end();
	loop_close();
	alarm(0);
	figures.worlds++;
}

static double seconds(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (double)ts.tv_sec + (double)ts.tv_nsec / 1e9;
}

static void tell(uint64_t first, double took)
{
	printf("# %llu worlds from seed %llu: %llu lives, %llu crashes, %llu outages; %llu jobs, %llu attempts, %llu firings, "
	       "%llu store operations, %llu refusals, %llu events (%llu times too many); %.1f h in %.1f s: %.0f jobs/s\n",
	       (unsigned long long)figures.worlds, (unsigned long long)first, (unsigned long long)figures.lives,
	       (unsigned long long)figures.crashes, (unsigned long long)figures.outages, (unsigned long long)figures.jobs,
	       (unsigned long long)figures.attempts, (unsigned long long)figures.firings, (unsigned long long)figures.operations,
	       (unsigned long long)figures.refusals, (unsigned long long)figures.events, (unsigned long long)figures.lagged,
	       (double)figures.lived / 3.6e9, took,
	       (double)figures.jobs / took);
}

int main(int argc, char **argv)
{
	const char *env_seed = getenv("SIM_SEED"), *env_seconds = getenv("SIM_SECONDS");
	double limit = env_seconds != NULL ? atof(env_seconds) : 4, began = seconds();
	uint64_t first = env_seed != NULL ? strtoull(env_seed, NULL, 10) : 1, worlds = UINT64_MAX;
	int opt;

	while ((opt = getopt(argc, argv, "s:t:n:")) != -1) {
		if (opt == 's')
			first = strtoull(optarg, NULL, 10);
		else if (opt == 't')
			limit = atof(optarg);
		else if (opt == 'n')
			worlds = strtoull(optarg, NULL, 10);
		else
			return 2;
	}
	log_setup(LOG_LEVEL_ERROR, false);
	printf("1..1\n");
	for (uint64_t i = 0; i < worlds && (worlds != UINT64_MAX || seconds() - began < limit); i++)
		run_world(first + i);
	tell(first, seconds() - began);
	printf("ok 1 - no promise is broken\n");
	return 0;
}
