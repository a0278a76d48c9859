/* names: a filter by name: a list ended by NULL, or NULL for any. */
#ifndef JOBD_NAMES_H
#define JOBD_NAMES_H

#include <stdbool.h>
#include <string.h>

static inline bool names_pass(const char *const *names, const char *name)
{
	if (names == NULL)
		return true;
	for (; *names != NULL; names++)
		if (strcmp(*names, name) == 0)
			return true;
	return false;
}

#endif
