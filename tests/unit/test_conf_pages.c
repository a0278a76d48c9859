/* The sample and the manual page tell of every key, and of its default. */
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "conf/conf.h"
#include "conf/conf_key.h"
#include "tests/lib/unit.h"

static char *slurp(const char *name)
{
	const char *top = getenv("SRCDIR");
	char *text = calloc(1, 1 << 16);
	char file[512];
	FILE *f;

	snprintf(file, sizeof(file), "%s/%s", top != NULL ? top : ".", name);
	f = fopen(file, "r");
	ck_assert_msg(f != NULL, "%s: missing", file);
	ck_assert_ptr_nonnull(text);
	ck_assert_uint_lt(fread(text, 1, (1 << 16) - 1, f), (1 << 16) - 1);
	fclose(f);
	return text;
}

/* Takes the "#" off each line of the sample that holds a setting or a section: "#	key = value", "#section {", "#}". */
static void uncomment(char *text)
{
	for (char *line = text; line != NULL; line = strchr(line, '\n')) {
		line += *line == '\n';
		if (line[0] == '#' && (line[1] == '\t' || line[1] == '}' || (line[1] >= 'a' && line[1] <= 'z')))
			line[0] = ' ';
	}
}

/* The line of the sample that sets this key, within its section. */
static void expect_in_sample(const char *sample, const struct conf_key *k)
{
	char section[64], line[512];
	const char *from, *end, *at;

	snprintf(section, sizeof(section), "\n#%s ", k->section);
	from = strstr(sample, section);
	ck_assert_msg(from != NULL, "the sample lacks section %s", k->section);
	end = strstr(from, "\n#}");
	ck_assert_ptr_nonnull(end);
	snprintf(line, sizeof(line), "\n#\t%s = ", k->key);
	at = strstr(from, line);
	ck_assert_msg(at != NULL && at < end, "the sample lacks %s.%s", k->section, k->key);
	if (k->fallback == NULL)
		return;
	at += strlen(line);
	at += strspn(at, "{ \"");
	ck_assert_msg(strncmp(at, k->fallback, strlen(k->fallback)) == 0, "the sample does not show the default of %s.%s",
		      k->section, k->key);
}

START_TEST(test_sample_has_every_key)
{
	char *sample = slurp("conf/jobd.conf");

	for (const struct conf_key *k = conf_keys; k->key != NULL; k++)
		expect_in_sample(sample, k);
	free(sample);
}
END_TEST

/* As it is, and with every setting in it made one. */
START_TEST(test_sample_can_be_read)
{
	char path[] = "/tmp/test_conf_pages.XXXXXX", *sample = slurp("conf/jobd.conf"), *why = NULL;
	struct conf c;
	FILE *f;

	setenv("HOME", "/home/nobody", 1);
	for (size_t round = 0; round < 2; round++) {
		f = round == 0 ? fdopen(mkstemp(path), "w") : fopen(path, "w");
		ck_assert_ptr_nonnull(f);
		ck_assert_int_ge(fputs(sample, f), 0);
		ck_assert_int_eq(fclose(f), 0);
		ck_assert_msg(conf_read(path, NULL, 0, &c, &why) == 0, "%s", why);
		ck_assert_uint_eq(c.queues_len, round);
		conf_free(&c);
		uncomment(sample);
	}
	unlink(path);
	free(sample);
}
END_TEST

START_TEST(test_man_page)
{
	char *page = slurp("conf/jobd.conf.5"), name[128];

	for (const struct conf_key *k = conf_keys; k->key != NULL; k++) {
		const char *at;

		snprintf(name, sizeof(name), "\n.It Ic %s.%s", k->section, k->key);
		if (conf_section_find(k->section)->size > 0)
			snprintf(name, sizeof(name), "\n.It Ic %s \"NAME\" %s", k->section, k->key);
		at = strstr(page, name);
		ck_assert_msg(at != NULL, "jobd.conf.5 lacks %s.%s", k->section, k->key);
		if (k->fallback != NULL) {
			const char *shown = strstr(at, k->fallback), *next = strstr(at + 1, "\n.It Ic");

			ck_assert_msg(shown != NULL && (next == NULL || shown < next),
				      "jobd.conf.5 does not show the default of %s.%s", k->section, k->key);
		}
	}
	free(page);
}
END_TEST

int main(void)
{
	Suite *suite = suite_create("conf_pages");
	TCase *t = tcase_create("pages");

	tcase_add_test(t, test_sample_has_every_key);
	tcase_add_test(t, test_sample_can_be_read);
	tcase_add_test(t, test_man_page);
	suite_add_tcase(suite, t);
	return unit_run(suite);
}
