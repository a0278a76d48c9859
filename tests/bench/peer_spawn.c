/* Processes with nothing around them: as many at once as there are workers, each waited for, nothing kept. */
#include <spawn.h>
#include <string.h>
#include <sys/wait.h>

#include "peers.h"
#include "wire.h"

extern char **environ;

static void spawn_one(void)
{
	static char path[] = "/bin/true";
	char *argv[] = { path, NULL };
	pid_t pid;
	int rc = posix_spawn(&pid, path, NULL, NULL, argv, environ);

	if (rc != 0)
		bench_die("posix_spawn: %s", strerror(rc));
}

double spawn_exec(const struct bench *b)
{
	double begin = bench_now();

	for (int begun = 0, ended = 0; ended < b->count; ended++) {
		while (begun < b->count && begun - ended < b->workers) {
			spawn_one();
			begun++;
		}
		if (wait(NULL) < 0)
			bench_die("wait");
	}
	return b->count / (bench_now() - begin);
}
