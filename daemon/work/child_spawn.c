#include "work/child_spawn.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <unistd.h>

#include "work/child.h"
#include "work/procfs.h"

enum spawn_step { SPAWN_DONE, SPAWN_PREPARE, SPAWN_CHDIR, SPAWN_LIMIT, SPAWN_EXEC };

enum { SPAWN_FAILED = 127 };

/* ---- the program's possible paths, made before vfork ---- */

static void spawn_paths_free(char **paths)
{
	for (size_t i = 0; paths != NULL && paths[i] != NULL; i++)
		free(paths[i]);
	free(paths);
}

/* The file in the directory of which n bytes are named; an empty name is the current one. */
static char *spawn_join(const char *dir, size_t n, const char *file)
{
	char *path;

	if (n == 0)
		return strdup(file);
	return asprintf(&path, "%.*s/%s", (int)n, dir, file) >= 0 ? path : NULL;
}

/* NULL-ended; NULL when out of memory. */
static char **spawn_paths(const char *program, const char *search)
{
	size_t n = 1, at = 0;
	char **paths;

	for (const char *c = search; *c != '\0'; c++)
		n += *c == ':';
	paths = calloc(n + 1, sizeof(*paths));
	if (paths == NULL)
		return NULL;
	if (strchr(program, '/') != NULL || *program == '\0')
		search = "";
	do {
		size_t len = strcspn(search, ":");

		paths[at] = spawn_join(search, len, program);
		if (paths[at++] == NULL) {
			spawn_paths_free(paths);
			return NULL;
		}
		search += len;
	} while (*search++ == ':');
	return paths;
}

/* ---- between vfork and exec: system calls only, on the parent's memory ---- */

static _Noreturn void spawn_fail(struct spawn *s, enum spawn_step step)
{
	s->ring->spawn_error = errno;
	s->ring->spawn_step = step;
	_exit(SPAWN_FAILED);
}

/* In this order: once in the table, whatever becomes of our parent, this process is found or ends itself. */
static void spawn_enlist(struct spawn *s, pid_t parent)
{
	if (setpgid(0, 0) != 0)
		spawn_fail(s, SPAWN_PREPARE);
	s->record->group = getpid();
	if (groups_write(s->groups, s->index, s->record) != 0 || prctl(PR_SET_PDEATHSIG, SIGKILL) != 0)
		spawn_fail(s, SPAWN_PREPARE);
	if (getppid() != parent)
		_exit(SPAWN_FAILED);
}

static void spawn_limit(struct spawn *s)
{
	const struct command *c = s->command;

	/* As nice(1): where it is not allowed, it runs as it is. */
	if (c->nice != NULL)
		setpriority(PRIO_PROCESS, 0, *c->nice);
	for (size_t i = 0; i < c->limits_len; i++) {
		const struct command_limit *limit = &c->limits[i];
		struct rlimit now, to = { limit->value, limit->value };

		if (limit->resource == RLIMIT_CPU)	/* SIGXCPU first, SIGKILL a second later */
			to.rlim_max++;
		if (getrlimit(limit->resource, &now) != 0)
			spawn_fail(s, SPAWN_LIMIT);
		if (to.rlim_max > now.rlim_max)
			to.rlim_max = now.rlim_max;
		if (to.rlim_cur > now.rlim_max)
			to.rlim_cur = now.rlim_max;
		if (setrlimit(limit->resource, &to) != 0)
			spawn_fail(s, SPAWN_LIMIT);
	}
}

/* The first path that can be executed; "not there" is said only if nothing worse was met. */
static _Noreturn void spawn_exec(struct spawn *s, char *const *paths)
{
	int worst = ENOENT;

	for (size_t i = 0; paths[i] != NULL; i++) {
		execve(paths[i], s->command->argv, s->command->envp);
		if (errno != ENOENT && errno != ENOTDIR)
			worst = errno;
		if (errno != ENOENT && errno != ENOTDIR && errno != EACCES)
			break;
	}
	errno = worst;
	spawn_fail(s, SPAWN_EXEC);
}

static _Noreturn void spawn_become(struct spawn *s, char *const *paths, pid_t parent)
{
	spawn_enlist(s, parent);
	for (int i = 0; i < 3; i++)
		if (dup2(s->fds[i], i) < 0)
			spawn_fail(s, SPAWN_PREPARE);
	if (s->command->cwd != NULL && chdir(s->command->cwd) != 0)
		spawn_fail(s, SPAWN_CHDIR);
	spawn_limit(s);
	spawn_exec(s, paths);
}

/* ---- the caller's side ---- */

pid_t spawn_command(struct spawn *s)
{
	char **paths = spawn_paths(s->command->argv[0], s->command->path);
	pid_t parent = getpid(), pid;

	if (paths == NULL)
		return -ENOMEM;
	s->ring->spawn_step = SPAWN_DONE;
	s->record->group_since = procfs_now();
	pid = vfork();
	if (pid == 0)
		spawn_become(s, paths, parent);
	if (pid < 0) {
		pid = -errno;
	} else {
		setpgid(pid, pid);	/* where vfork does not wait, as under ThreadSanitizer, the child may not have come so far */
		s->record->group = pid;
	}
	spawn_paths_free(paths);
	return pid;
}

bool spawn_succeeded(const struct spawn *s, char *why, size_t why_size)
{
	const char *program = s->command->argv[0], *error = strerror(s->ring->spawn_error);

	switch ((enum spawn_step)s->ring->spawn_step) {
	case SPAWN_DONE:
		return true;
	case SPAWN_CHDIR:
		snprintf(why, why_size, "cannot change to directory \"%s\": %s", s->command->cwd, error);
		break;
	case SPAWN_LIMIT:
		snprintf(why, why_size, "cannot limit \"%s\": %s", program, error);
		break;
	case SPAWN_EXEC:
		snprintf(why, why_size, "cannot execute \"%s\": %s", program, error);
		break;
	case SPAWN_PREPARE:
		snprintf(why, why_size, "cannot prepare \"%s\": %s", program, error);
		break;
	}
	return false;
}
