#include "client/places.h"

#include <pwd.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define PLACES_SYSTEM "unix:/run/jobd/jobd.sock"
#define PLACES_TCP "127.0.0.1:7420"

/* NULL if unset or relative: as if it were not set. */
static const char *places_directory(const char *variable, int *len)
{
	const char *value = getenv(variable);

	if (value == NULL || value[0] != '/')
		return NULL;
	/* systemd may name several in its variables, with colons between: the first counts. */
	*len = (int)(strncmp(variable, "XDG_", 4) == 0 ? strlen(value) : strcspn(value, ":"));
	return value;
}

static const char *places_home(void)
{
	const char *home = getenv("HOME");
	const struct passwd *user;

	if (home != NULL && home[0] == '/')
		return home;
	user = getpwuid(getuid());
	return user != NULL ? user->pw_dir : NULL;
}

/* The runtime directory if there is one, else the state directory, as jobd decides it. */
static bool places_own(char out[PLACE_SIZE])
{
	const char *directory;
	int len, n = -1;

	if ((directory = places_directory("RUNTIME_DIRECTORY", &len)) != NULL ||
	    (directory = places_directory("XDG_RUNTIME_DIR", &len)) != NULL ||
	    (directory = places_directory("STATE_DIRECTORY", &len)) != NULL)
		n = snprintf(out, PLACE_SIZE, "unix:%.*s/jobd.sock", len, directory);
	else if ((directory = places_directory("XDG_STATE_HOME", &len)) != NULL)
		n = snprintf(out, PLACE_SIZE, "unix:%.*s/jobd/jobd.sock", len, directory);
	else if ((directory = places_home()) != NULL)
		n = snprintf(out, PLACE_SIZE, "unix:%s/.local/state/jobd/jobd.sock", directory);
	return n > 0 && n < PLACE_SIZE;
}

int places_default(char places[PLACES_MAX][PLACE_SIZE])
{
	int n = 0;

	if (places_own(places[n]))
		n++;
	if (n == 0 || strcmp(places[0], PLACES_SYSTEM) != 0)
		strcpy(places[n++], PLACES_SYSTEM);
	strcpy(places[n++], PLACES_TCP);
	return n;
}
