/*
 * fakekinds: a table of kinds for tests that need some and run none: io, brief
 * and patient cpu ones. The only argument they know is `n`.
 */
#include <string.h>

#include "kinds/kind.h"

static void fake_check(struct params *args)
{
	params_int(args, "n", 0, 0, 100);
	params_done(args);
}

static const struct kind fake_kinds[] = {
	{ .name = "io", .class = CLASS_IO, .check = fake_check },
	{ .name = "io2", .class = CLASS_IO, .check = fake_check },
	{ .name = "cpu", .class = CLASS_CPU, .check = fake_check },
	{ .name = "brief", .class = CLASS_CPU, .brief = true, .check = fake_check },
};

const struct kind *kind_at(size_t index)
{
	return index < sizeof(fake_kinds) / sizeof(fake_kinds[0]) ? &fake_kinds[index] : NULL;
}

const struct kind *kind_find(const char *name)
{
	const struct kind *kind;

	for (size_t i = 0; (kind = kind_at(i)) != NULL; i++)
		if (strcmp(kind->name, name) == 0)
			return kind;
	return NULL;
}

const char *job_class_name(enum job_class class)
{
	return class == CLASS_IO ? "io" : class == CLASS_CPU ? "cpu" : "worker";
}
