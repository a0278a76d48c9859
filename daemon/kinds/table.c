#include "kinds/kind.h"

#include <string.h>

/* A new kind: its file, and a row here. */
extern const struct kind kind_sleep, kind_http, kind_tcp, kind_dns;	/* io_*.c */
extern const struct kind kind_exec, kind_noop;				/* cpu_*.c */

static const struct kind *const kinds[] = { &kind_sleep, &kind_http, &kind_tcp, &kind_dns, &kind_exec, &kind_noop };

enum { KINDS = sizeof(kinds) / sizeof(kinds[0]) };

const struct kind *kind_at(size_t index)
{
	return index < KINDS ? kinds[index] : NULL;
}

const struct kind *kind_find(const char *name)
{
	for (size_t i = 0; i < KINDS; i++)
		if (strcmp(kinds[i]->name, name) == 0)
			return kinds[i];
	return NULL;
}

const char *job_class_name(enum job_class class)
{
	static const char *const names[] = { [CLASS_IO] = "io", [CLASS_CPU] = "cpu", [CLASS_WORKER] = "worker" };

	return names[class];
}
