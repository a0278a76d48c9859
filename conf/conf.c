#include "conf/conf.h"

#include <errno.h>
#include <pwd.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf_key.h"
#include "conf/conf_reader.h"
#include "proto/address.h"

/* ---- from the tree into the struct, row by row ---- */

static void *conf_at(void *base, size_t offset)
{
	return (char *)base + offset;
}

static int conf_take_text(cfg_opt_t *opt, unsigned index, char **to)
{
	const char *text = cfg_opt_getnstr(opt, index);

	*to = text != NULL ? strdup(text) : NULL;
	return text != NULL && *to == NULL ? -ENOMEM : 0;
}

static int conf_take_list(cfg_opt_t *opt, struct conf_list *list)
{
	unsigned n = cfg_opt_size(opt);

	list->v = calloc((size_t)n + 1, sizeof(*list->v));
	if (list->v == NULL)
		return -ENOMEM;
	for (list->n = 0; list->n < n; list->n++)
		if (conf_take_text(opt, (unsigned)list->n, &list->v[list->n]))
			return -ENOMEM;
	return 0;
}

static int conf_take_key(const struct conf_key *k, cfg_t *cfg, void *base)
{
	cfg_opt_t *opt = cfg != NULL ? cfg_getopt(cfg, k->key) : NULL;
	union conf_value value = { 0 };
	const char *text;
	char ignored[400];

	if (opt == NULL)	/* it is in the tree: even to find it takes memory */
		return -ENOMEM;
	if (k->list)
		return conf_take_list(opt, conf_at(base, k->offset));
	if (k->type >= CONF_WORD)
		return conf_take_text(opt, 0, conf_at(base, k->offset));
	text = cfg_opt_getnstr(opt, 0);
	if (text != NULL)
		conf_key_check(k, text, &value, ignored, sizeof(ignored));
	if (k->type == CONF_REAL)
		*(double *)conf_at(base, k->offset) = value.real;
	else
		*(int64_t *)conf_at(base, k->offset) = value.n;
	return 0;
}

/* All keys of one section into `base`: struct conf, or the struct of a titled section. */
static int conf_take_section(const char *section, cfg_t *cfg, void *base)
{
	for (const struct conf_key *k = conf_keys; k->key != NULL; k++)
		if (strcmp(k->section, section) == 0 && conf_take_key(k, cfg, base))
			return -ENOMEM;
	return 0;
}

/* A titled section: an array of its structs, each of which begins with its name. */
static int conf_take_titled(const struct conf_section *s, cfg_t *root, struct conf *c)
{
	size_t n = cfg_size(root, s->name), *count = conf_at(c, s->count);
	char *array = calloc(n + 1, s->size);

	if (array == NULL)
		return -ENOMEM;
	*(void **)conf_at(c, s->array) = array;
	for (*count = 0; *count < n; ++*count) {
		char *one = array + *count * s->size;
		cfg_t *cfg = cfg_getnsec(root, s->name, (unsigned)*count);

		*(char **)(void *)one = cfg != NULL ? strdup(cfg_title(cfg)) : NULL;
		if (*(char **)(void *)one == NULL || conf_take_section(s->name, cfg, one)) {
			++*count;	/* so that what it has is freed */
			return -ENOMEM;
		}
	}
	return 0;
}

static int conf_take(cfg_t *root, struct conf *c)
{
	int rc = 0;

	for (const struct conf_section *s = conf_sections; rc == 0 && s->name != NULL; s++)
		rc = s->size > 0 ? conf_take_titled(s, root, c) : conf_take_section(s->name, cfg_getsec(root, s->name), c);
	return rc;
}

static void conf_free_section(const char *section, void *base)
{
	for (const struct conf_key *k = conf_keys; k->key != NULL; k++) {
		if (strcmp(k->section, section) != 0)
			continue;
		if (k->list) {
			struct conf_list *list = conf_at(base, k->offset);

			for (size_t i = 0; i < list->n; i++)
				free(list->v[i]);
			free(list->v);
		} else if (k->type >= CONF_WORD) {
			free(*(char **)conf_at(base, k->offset));
		}
	}
}

void conf_free(struct conf *c)
{
	for (const struct conf_section *s = conf_sections; s->name != NULL; s++) {
		if (s->size == 0) {
			conf_free_section(s->name, c);
			continue;
		}
		char *array = *(void **)conf_at(c, s->array);

		for (size_t i = 0; i < *(size_t *)conf_at(c, s->count); i++) {
			free(*(char **)(void *)(array + i * s->size));
			conf_free_section(s->name, array + i * s->size);
		}
		free(array);
	}
	memset(c, 0, sizeof(*c));
}

/* ---- what the environment decides ---- */

/* The first path of a variable that systemd sets (several are joined by colons); NULL if there is none. */
static char *conf_environment_first(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value == '/' ? strndup(value, strcspn(value, ":")) : NULL;
}

/* A directory in the sense of the XDG specification: unless absolute, it counts as not set. */
static const char *conf_environment_directory(const char *name)
{
	const char *value = getenv(name);

	return value != NULL && *value == '/' ? value : NULL;
}

static const char *conf_home(void)
{
	const char *home = conf_environment_directory("HOME");
	const struct passwd *pw = home == NULL ? getpwuid(getuid()) : NULL;

	return pw != NULL ? pw->pw_dir : home;
}

static char *conf_join(const char *directory, const char *name)
{
	char *path;

	return asprintf(&path, "%s/%s", directory, name) >= 0 ? path : NULL;
}

static char *conf_state_directory(void)
{
	char *given = conf_environment_first("STATE_DIRECTORY");
	const char *xdg = conf_environment_directory("XDG_STATE_HOME"), *home;

	if (given != NULL)
		return given;
	if (xdg != NULL)
		return conf_join(xdg, "jobd");
	home = conf_home();
	return home != NULL ? conf_join(home, ".local/state/jobd") : NULL;
}

static char *conf_unix_path(const char *state_directory)
{
	char *runtime = conf_environment_first("RUNTIME_DIRECTORY"), *path;
	const char *directory = runtime;

	if (directory == NULL)
		directory = conf_environment_directory("XDG_RUNTIME_DIR");
	if (directory == NULL)
		directory = state_directory;
	path = conf_join(directory, "jobd.sock");
	free(runtime);
	return path;
}

static int64_t conf_cores(void)
{
	cpu_set_t set;

	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		return CPU_COUNT(&set);
	return sysconf(_SC_NPROCESSORS_ONLN) > 0 ? sysconf(_SC_NPROCESSORS_ONLN) : 1;
}

/* "" means none, as if it had not been set. */
static void conf_drop_empty(char **text)
{
	if (*text != NULL && **text == '\0') {
		free(*text);
		*text = NULL;
	}
}

static void conf_resolve(struct conf_reader *r, struct conf *c)
{
	conf_drop_empty(&c->tls.certificate);
	conf_drop_empty(&c->tls.key);
	conf_drop_empty(&c->tls.client_ca);
	c->log.json = strcmp(c->log.format, "json") == 0;
	if (c->pool.processes == 0)
		c->pool.processes = conf_cores();
	if (c->state.directory == NULL)
		c->state.directory = conf_state_directory();
	if (c->state.directory == NULL) {
		conf_reader_complain(r, "state.directory",
				     "must be set: neither STATE_DIRECTORY, XDG_STATE_HOME nor HOME says where the state is to lie");
		return;
	}
	if (c->listen.unix_path == NULL)
		c->listen.unix_path = conf_unix_path(c->state.directory);
	r->no_memory |= c->listen.unix_path == NULL;
}

/* ---- what must hold between keys ---- */

/* A path made from the environment has not been checked yet. */
static void conf_check_unix(struct conf_reader *r, const struct conf *c)
{
	union conf_value ignored;
	char why[400];

	if (c->listen.unix_path != NULL &&
	    conf_key_check(conf_key_find("listen", "unix"), c->listen.unix_path, &ignored, why, sizeof(why)))
		conf_reader_complain(r, "listen.unix", "%s is too long for a socket (%s): set a shorter one, or \"\" for none",
				     c->listen.unix_path, why);
}

static void conf_check_readable(struct conf_reader *r, const char *key, const char *path)
{
	if (path != NULL && access(path, R_OK))
		conf_reader_complain(r, key, "%s cannot be read: %s", path, strerror(errno));
}

static void conf_check_tls(struct conf_reader *r, const struct conf *c)
{
	bool certificate = c->tls.certificate != NULL, key = c->tls.key != NULL;

	if (certificate != key)
		conf_reader_complain(r, certificate ? "tls.key" : "tls.certificate",
				     "must be set too: certificate and key go together");
	else if (c->listen.tls.n > 0 && !certificate)
		conf_reader_complain(r, "listen.tls", "needs tls.certificate and tls.key");
	conf_check_readable(r, "tls.certificate", c->tls.certificate);
	conf_check_readable(r, "tls.key", c->tls.key);
	conf_check_readable(r, "tls.client_ca", c->tls.client_ca);
}

/* The address at `index` of both lists, one behind the other; NULL past the end. */
static const char *conf_address(const struct conf *c, size_t index)
{
	if (index < c->listen.tcp.n)
		return c->listen.tcp.v[index];
	index -= c->listen.tcp.n;
	return index < c->listen.tls.n ? c->listen.tls.v[index] : NULL;
}

static void conf_check_addresses(struct conf_reader *r, const struct conf *c)
{
	const char *a, *b;

	for (size_t i = 0; (a = conf_address(c, i)) != NULL; i++)
		for (size_t j = 0; j < i && (b = conf_address(c, j)) != NULL; j++)
			if (strcmp(a, b) == 0 && strcmp(strrchr(a, ':'), ":0") != 0)
				conf_reader_complain(r, "listen", "%s is there twice", a);
}

static void conf_check_titled(struct conf_reader *r, const struct conf *c)
{
	for (size_t i = 0; i < c->worker_pools_len; i++)
		if (c->worker_pools[i].command == NULL)
			conf_reader_complain(r, "worker", "\"%s\" needs a command", c->worker_pools[i].name);
	for (size_t i = 0; i < c->modules_len; i++)
		if (c->modules[i].path == NULL)
			conf_reader_complain(r, "module", "\"%s\" needs a path", c->modules[i].name);
}

/* Titles are checked in the tree, before a bad one is an object's name. */
static void conf_check_titles(struct conf_reader *r)
{
	for (const struct conf_section *s = conf_sections; s->name != NULL; s++)
		for (unsigned i = 0; s->size > 0 && i < cfg_size(r->cfg, s->name); i++) {
			const char *title = cfg_title(cfg_getnsec(r->cfg, s->name, i));

			if (!conf_title_ok(title))
				conf_reader_complain(r, s->name,
						     "\"%.100s\" is no name: it must have 1 to 64 of A-Z a-z 0-9 . _ -", title);
		}
}

static void conf_finish(struct conf_reader *r, struct conf *out)
{
	if (buf_len(&r->why) == 0)
		conf_reader_check(r);
	if (!r->no_memory)
		conf_check_titles(r);
	if (buf_len(&r->why) > 0 || r->no_memory)
		return;
	if (conf_take(r->cfg, out)) {
		r->no_memory = true;
		return;
	}
	conf_resolve(r, out);
	conf_check_unix(r, out);
	conf_check_tls(r, out);
	conf_check_addresses(r, out);
	conf_check_titled(r, out);
}

int conf_read(const char *file, const char *const *settings, size_t n, struct conf *out, char **why)
{
	struct conf_reader reader;
	bool good;

	memset(out, 0, sizeof(*out));
	*why = NULL;
	conf_reader_open(&reader, file);
	for (size_t i = 0; i < n && reader.cfg != NULL; i++)
		conf_reader_set(&reader, settings[i]);
	if (reader.cfg != NULL)
		conf_finish(&reader, out);
	good = buf_len(&reader.why) == 0 && !buf_failed(&reader.why) && !reader.no_memory;
	if (!good)
		conf_free(out);
	if (!good && !reader.no_memory)
		*why = buf_steal(&reader.why, NULL);
	conf_reader_close(&reader);
	return good ? 0 : -1;
}
