#include "check_state.h"

#include <stdio.h>

#include "server.h"
#include "store/audit.h"

static void say_found(void *arg, const char *what)
{
	(void)arg;
	printf("wrong: %s\n", what);
}

static void say_jobs(const struct audit *a)
{
	int64_t all = 0;

	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		all += a->jobs[s];
	printf("jobs: %lld\n", (long long)all);
	for (int s = JOB_NONE + 1; s < JOB_STATES; s++)
		if (a->jobs[s] > 0)
			printf("  %s: %lld\n", job_state_name((enum job_state)s), (long long)a->jobs[s]);
	printf("dependencies: %lld\nqueues: %lld\nschedules: %lld\noutput: %lld bytes\n", (long long)a->edges, (long long)a->queues,
	       (long long)a->schedules, (long long)a->outputs);
}

int check_state(const char *directory)
{
	struct audit a = { .found = say_found };
	char why[512];
	enum store_open_result rc = audit_state(directory, &a, why, sizeof(why));

	if (rc != STORE_OPEN_OK) {
		fprintf(stderr, "jobd: %s\n", why);
		return rc == STORE_OPEN_REFUSED ? EXIT_STATE : EXIT_FAILED;
	}
	printf("state: %s, %lld bytes, version %d\n", directory, (long long)a.bytes, a.version);
	if (a.version == a.version_now)
		say_jobs(&a);
	else
		printf("its tables are those of an older jobd: the next start brings them to version %d\n", a.version_now);
	printf(a.wrong == 0 ? "sound\n" : "damaged: %zu things are wrong with it\n", a.wrong);
	return a.wrong == 0 ? EXIT_CLEAN : EXIT_STATE;
}
