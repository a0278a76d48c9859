/*
 * server: all the parts, in the order they start; stopped in the opposite one.
 */
#ifndef JOBD_SERVER_H
#define JOBD_SERVER_H

#include <stddef.h>

struct conf;

enum { EXIT_CLEAN = 0, EXIT_FAILED = 1, EXIT_USAGE = 2, EXIT_STATE = 3 };

/* Where the settings came from, to read them again. */
struct server_source {
	const char *file;		/* or NULL */
	const char *const *settings;	/* the -o texts */
	size_t n;
};

/* Runs the daemon until it is told to stop. *conf is taken over. Returns the exit status. */
int server_run(struct conf *conf, const struct server_source *source);

#endif
