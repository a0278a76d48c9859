#include "conf/conf_reader.h"

#include <errno.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#ifdef __SANITIZE_ADDRESS__
#include <sanitizer/lsan_interface.h>
#else
#define __lsan_ignore_object(p) ((void)(p))
#endif

#include "conf/conf_key.h"

enum { CONF_FILE_MAX = 1 << 20, CONF_SECTIONS_MAX = 16, CONF_OPTIONS_MAX = 32 };

/*
 * libconfuse takes the end of the file for the end of every open section. So the
 * text gets one more setting at its end, which only the outermost level knows:
 * a byte that no text has, set to itself.
 */
#define CONF_END "\004"
#define CONF_END_LINE "\n" CONF_END " = " CONF_END "\n"
#define CONF_ENDS_EARLY "the file ends in the middle of a setting\n"

/* libconfuse's callbacks carry no argument of ours; configuration is read by one thread, one reader at a time. */
static struct conf_reader *conf_reading;

/* ---- complaints ---- */

/* Begins a line with where the reader stands. */
static void conf_reader_where(struct conf_reader *r, int line)
{
	if (r->setting != NULL)
		buf_printf(&r->why, "-o %s: ", r->setting);
	else if (r->file != NULL && line > 0)
		buf_printf(&r->why, "%s:%d: ", r->file, line);
	else if (r->file != NULL)
		buf_printf(&r->why, "%s: ", r->file);
}

void conf_reader_complain(struct conf_reader *r, const char *subject, const char *fmt, ...)
{
	va_list ap;

	buf_printf(&r->why, "%s: ", subject);
	va_start(ap, fmt);
	buf_vprintf(&r->why, fmt, ap);
	va_end(ap);
	buf_putc(&r->why, '\n');
}

static void conf_reader_say_unknown(struct conf_reader *r, const char *section, const char *key)
{
	const char *comma = "";

	buf_printf(&r->why, "there is no key %s in section %s; it has ", key, section);
	for (const struct conf_key *k = conf_keys; k->key != NULL; k++)
		if (strcmp(k->section, section) == 0) {
			buf_printf(&r->why, "%s%s", comma, k->key);
			comma = ", ";
		}
	buf_putc(&r->why, '\n');
}

static void conf_reader_say_no_section(struct conf_reader *r, const char *name)
{
	buf_printf(&r->why, "there is no section %s; there are ", name);
	for (const struct conf_section *s = conf_sections; s->name != NULL; s++)
		buf_printf(&r->why, "%s%s", s == conf_sections ? "" : ", ", s->name);
	buf_putc(&r->why, '\n');
}

/* ---- libconfuse's callbacks ---- */

/* A value was read: complains of it if need be, and lets the reading go on. */
static int conf_reader_value(cfg_t *cfg, cfg_opt_t *opt, const char *value, void *result)
{
	const struct conf_key *k = conf_key_find(cfg->name, opt->name);
	struct conf_reader *r = conf_reading;
	union conf_value ignored;
	char why[400];

	*(const char **)result = value;
	if (r->file != NULL && strcmp(value, CONF_END) == 0) {
		conf_reader_where(r, cfg->line);
		buf_puts(&r->why, CONF_ENDS_EARLY);
		r->stopped = true;
		return -1;
	}
	if (k == NULL) {
		conf_reader_where(r, cfg->line);
		conf_reader_say_unknown(r, cfg->name, opt->name);
	} else if (conf_key_check(k, value, &ignored, why, sizeof(why))) {
		conf_reader_where(r, cfg->line);
		buf_printf(&r->why, "%s.%s = \"%.200s\": %s\n", k->section, k->key, value, why);
	}
	return 0;
}

/* Notes an unknown key, so that the next reading can pass it; false: that does not help. */
static bool conf_reader_note(struct conf_reader *r, const char *section, const char *key)
{
	const struct conf_section *s = conf_section_find(section);

	if (s == NULL || r->unknown_len == CONF_UNKNOWN_MAX)
		return false;
	r->unknown[r->unknown_len].section = s->name;
	r->unknown[r->unknown_len].key = strdup(key);
	return r->unknown[r->unknown_len].key != NULL && ++r->unknown_len > 0;
}

/* A name that the schema does not have, in a section or outside. */
static void conf_reader_no_such(struct conf_reader *r, cfg_t *cfg, const char *name)
{
	bool outside = strcmp(cfg->name, "root") == 0, end = strcmp(name, CONF_END) == 0;

	/* What the schema has and the tree has not was lost for want of memory. */
	if (end ? outside : outside ? conf_section_find(name) != NULL : conf_key_find(cfg->name, name) != NULL) {
		r->no_memory = r->torn = true;
		return;
	}
	if (!outside && !end && conf_reader_note(r, cfg->name, name))
		return;
	conf_reader_where(r, cfg->line);
	if (outside)
		conf_reader_say_no_section(r, name);
	else if (end)
		buf_printf(&r->why, "section %s is not closed\n", cfg->name);
	else
		conf_reader_say_unknown(r, cfg->name, name);
}

/* libconfuse complains, and will stop. */
__attribute__((format(printf, 2, 0)))
static void conf_reader_error(cfg_t *cfg, const char *fmt, va_list ap)
{
	struct conf_reader *r = conf_reading;
	size_t before;

	r->stopped = true;
	if (strstr(fmt, "no such option") != NULL) {
		conf_reader_no_such(r, cfg, va_arg(ap, const char *));
		return;
	}
	conf_reader_where(r, cfg->line);
	before = buf_len(&r->why);
	buf_vprintf(&r->why, fmt, ap);
	buf_putc(&r->why, '\n');
	if (!buf_failed(&r->why) &&
	    memchr(buf_data(&r->why) + before, CONF_END[0], buf_len(&r->why) - before) != NULL) {
		buf_truncate(&r->why, before);
		buf_puts(&r->why, CONF_ENDS_EARLY);
	}
}

/* ---- the schema ---- */

static cfg_opt_t conf_reader_option(const char *key, bool list, const char *fallback)
{
	cfg_opt_t opt = CFG_STR_CB(key, list ? NULL : fallback, list ? CFGF_LIST : CFGF_NONE, conf_reader_value);

	if (list)	/* libconfuse copies it */
		opt.def.parsed = (char *)(uintptr_t)(fallback != NULL ? fallback : "");
	return opt;
}

static void conf_reader_options(const struct conf_reader *r, const char *section, cfg_opt_t *opts)
{
	const cfg_opt_t end = CFG_END();
	size_t n = 0;

	for (const struct conf_key *k = conf_keys; k->key != NULL; k++)
		if (strcmp(k->section, section) == 0)
			opts[n++] = conf_reader_option(k->key, k->list, k->fallback);
	for (size_t i = 0; i < r->unknown_len; i++)
		if (strcmp(r->unknown[i].section, section) == 0)
			opts[n++] = conf_reader_option(r->unknown[i].key, true, NULL);
	opts[n] = end;
}

/* An empty tree of the schema, defaults in place. */
static cfg_t *conf_reader_tree(const struct conf_reader *r)
{
	cfg_opt_t sections[CONF_SECTIONS_MAX], (*opts)[CONF_OPTIONS_MAX];
	const cfg_opt_t end_setting = CFG_STR(CONF_END, NULL, CFGF_NONE), end = CFG_END();
	cfg_t *cfg;
	size_t n = 0;

	opts = calloc(CONF_SECTIONS_MAX, sizeof(*opts));
	if (opts == NULL)
		return NULL;
	for (const struct conf_section *s = conf_sections; s->name != NULL; s++, n++) {
		cfg_opt_t sec = CFG_SEC(s->name, opts[n],
					s->size > 0 ? CFGF_MULTI | CFGF_TITLE | CFGF_NO_TITLE_DUPES : CFGF_NONE);

		conf_reader_options(r, s->name, opts[n]);
		sections[n] = sec;
	}
	sections[n++] = end_setting;
	sections[n] = end;
	cfg = cfg_init(sections, CFGF_NONE);
	free(opts);
	if (cfg != NULL)
		cfg_set_error_function(cfg, conf_reader_error);
	return cfg;
}

/* ---- the file ---- */

static void conf_reader_load(struct conf_reader *r)
{
	FILE *f = fopen(r->file, "re");

	r->text = malloc(CONF_FILE_MAX + sizeof(CONF_END_LINE));
	if (f != NULL && r->text != NULL)
		r->text_len = fread(r->text, 1, CONF_FILE_MAX, f);
	if (r->text == NULL || (f == NULL && errno == ENOMEM))
		r->no_memory = true;
	else if (f == NULL || ferror(f))
		conf_reader_complain(r, r->file, "cannot be read: %s", strerror(errno));
	else if (r->text_len == CONF_FILE_MAX)
		conf_reader_complain(r, r->file, "is larger than %d bytes", CONF_FILE_MAX - 1);
	else if (memchr(r->text, '\0', r->text_len) != NULL || memchr(r->text, CONF_END[0], r->text_len) != NULL)
		conf_reader_complain(r, r->file, "is not text: there are bytes 0 or 4 in it");
	else
		memcpy(r->text + r->text_len, CONF_END_LINE, sizeof(CONF_END_LINE));
	if (f != NULL)
		fclose(f);
}

/* One reading of the text. True: it stopped at a key unknown until now, which the next reading passes. */
static bool conf_reader_pass(struct conf_reader *r)
{
	size_t known = r->unknown_len;
	FILE *f = fmemopen(r->text, r->text_len + strlen(CONF_END_LINE), "r");
	int rc;

	if (f == NULL) {
		conf_reader_complain(r, r->file, "cannot be read: %s", strerror(errno));
		return false;
	}
	r->stopped = false;
	rc = cfg_parse_fp(r->cfg, f);
	fclose(f);
	if (rc == CFG_SUCCESS && cfg_getstr(r->cfg, CONF_END) == NULL)
		conf_reader_complain(r, r->file, "a comment is not closed");
	else if (rc != CFG_SUCCESS && !r->stopped)
		r->no_memory = r->torn = true;
	return r->unknown_len > known;
}

/* What is torn is left behind: libconfuse would crash on it. */
static void conf_reader_drop(struct conf_reader *r)
{
	if (r->cfg != NULL && r->torn)
		__lsan_ignore_object(r->cfg);
	else if (r->cfg != NULL)
		cfg_free(r->cfg);
	r->cfg = NULL;
}

static bool conf_reader_reset(struct conf_reader *r)
{
	buf_clear(&r->why);
	conf_reader_drop(r);
	r->cfg = conf_reader_tree(r);
	r->no_memory |= r->cfg == NULL;
	return r->cfg != NULL;
}

void conf_reader_open(struct conf_reader *r, const char *file)
{
	memset(r, 0, sizeof(*r));
	buf_init(&r->why);
	conf_reading = r;
	if (!conf_reader_reset(r) || file == NULL)
		return;
	r->file = file;
	conf_reader_load(r);
	if (buf_len(&r->why) == 0)
		while (conf_reader_pass(r) && conf_reader_reset(r))
			;
	r->file = NULL;
}

static bool conf_reader_has(struct conf_reader *r, const struct conf_key *k, unsigned n)
{
	cfg_t *sec = cfg_getnsec(r->cfg, k->section, n);
	cfg_opt_t *opt = sec != NULL ? cfg_getopt(sec, k->key) : NULL;

	return opt != NULL && (k->list || k->fallback == NULL || cfg_opt_getnstr(opt, 0) != NULL);
}

void conf_reader_check(struct conf_reader *r)
{
	for (const struct conf_key *k = conf_keys; k->key != NULL; k++) {
		unsigned n = cfg_size(r->cfg, k->section);

		r->torn |= n == 0 && conf_section_find(k->section)->size == 0;
		for (unsigned i = 0; i < n; i++)
			r->torn |= !conf_reader_has(r, k, i);
	}
	r->no_memory |= r->torn;
}

void conf_reader_close(struct conf_reader *r)
{
	conf_reader_drop(r);
	for (size_t i = 0; i < r->unknown_len; i++)
		free(r->unknown[i].key);
	free(r->text);
	buf_free(&r->why);
	memset(r, 0, sizeof(*r));
	conf_reading = NULL;
}

/* ---- -o ---- */

/* The values of a list: split at commas, an empty text is the empty list. */
static int conf_reader_set_list(cfg_t *cfg, cfg_opt_t *opt, char *value)
{
	char *state = NULL;

	cfg_free_value(opt);
	opt->flags &= ~CFGF_RESET;
	for (char *one = strtok_r(value, ",", &state); one != NULL; one = strtok_r(NULL, ",", &state))
		if (cfg_setopt(cfg, opt, one + strspn(one, " ")) == NULL)
			return -ENOMEM;
	return 0;
}

static int conf_reader_set_key(const struct conf_key *k, cfg_t *cfg, char *value)
{
	cfg_opt_t *opt = cfg_getopt(cfg, k->key);

	if (opt == NULL)
		return -ENOMEM;
	if (k->list)
		return conf_reader_set_list(cfg, opt, value);
	return cfg_setopt(cfg, opt, value) != NULL ? 0 : -ENOMEM;
}

/* The section's tree, made if it is a titled one not met before. */
static cfg_t *conf_reader_section(struct conf_reader *r, const char *section, const char *title)
{
	cfg_t *cfg;

	if (title == NULL)
		return cfg_getsec(r->cfg, section);
	cfg = cfg_gettsec(r->cfg, section, title);
	return cfg != NULL ? cfg : cfg_addtsec(r->cfg, section, title);
}

/* Takes `name` apart; says what is wrong with it. NULL then. */
static const struct conf_key *conf_reader_name(struct conf_reader *r, char *name, char **title)
{
	char *first = strchr(name, '.'), *last = strrchr(name, '.');
	const struct conf_section *s;
	const struct conf_key *k;

	if (first == NULL) {
		conf_reader_where(r, 0);
		buf_puts(&r->why, "must be SECTION.KEY=VALUE or SECTION.TITLE.KEY=VALUE\n");
		return NULL;
	}
	*first = *last = '\0';
	*title = first < last ? first + 1 : NULL;
	s = conf_section_find(name);
	k = conf_key_find(name, last + 1);
	if (s != NULL && k != NULL && (s->size > 0) == (*title != NULL))
		return k;
	conf_reader_where(r, 0);
	if (s == NULL)
		conf_reader_say_no_section(r, name);
	else if (k == NULL)
		conf_reader_say_unknown(r, name, last + 1);
	else if (s->size > 0)
		buf_printf(&r->why, "section %s needs a title: %s.TITLE.%s\n", name, name, last + 1);
	else
		buf_printf(&r->why, "section %s has no titles: %s.%s\n", name, name, last + 1);
	return NULL;
}

void conf_reader_set(struct conf_reader *r, const char *setting)
{
	char *name = strdup(setting), *value = name != NULL ? strchr(name, '=') : NULL, *title = NULL;
	const struct conf_key *k;
	cfg_t *cfg;

	r->setting = setting;
	if (value != NULL) {
		*value++ = '\0';
		k = conf_reader_name(r, name, &title);
		cfg = k != NULL ? conf_reader_section(r, k->section, title) : NULL;
		if (k != NULL && (cfg == NULL || conf_reader_set_key(k, cfg, value)))
			r->no_memory = r->torn = true;
	} else if (name != NULL) {
		conf_reader_where(r, 0);
		buf_puts(&r->why, "must be SECTION.KEY=VALUE\n");
	} else {
		r->no_memory = true;
	}
	free(name);
	r->setting = NULL;
}
