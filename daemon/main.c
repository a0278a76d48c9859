/* jobd: the daemon's command line. */
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "check_state.h"
#include "conf/conf.h"
#include "config.h"
#include "server.h"
#include "server_settings.h"
#include "work/pool.h"

enum { SETTINGS_MAX = 256 };

static const char help[] =
	"Usage: jobd [-c FILE] [-o KEY=VALUE]... [--check | --check-state] [--version] [--help]\n"
	"\n"
	"Runs jobs that wait as coroutines and jobs that count in processes, from one durable queue.\n"
	"Stays in the foreground; logs to stderr. Without a file, everything has a default.\n"
	"\n"
	"  -c, --config FILE    read settings from FILE (see jobd.conf(5))\n"
	"  -o, --set KEY=VALUE  set one: SECTION.KEY=VALUE, lists with commas; after the file's\n"
	"      --check          read the settings, say what is wrong with them, and leave\n"
	"      --check-state    look at all of the state, which no daemon may use; say what is in it and what is wrong with it\n"
	"      --version        say the version\n"
	"  -h, --help           this\n"
	"\n"
	"Example: jobd -o state.directory=/tmp/jobs -o listen.tcp=127.0.0.1:7420 -o pool.processes=2\n"
	"\n"
	"Exit status: 0 clean, 1 failed, 2 usage or settings, 3 the state is damaged, foreign, newer or locked.\n";

enum { OPT_CHECK = 256, OPT_CHECK_STATE, OPT_VERSION };

static const struct option options[] = {
	{ "config", required_argument, NULL, 'c' },
	{ "set", required_argument, NULL, 'o' },
	{ "check", no_argument, NULL, OPT_CHECK },
	{ "check-state", no_argument, NULL, OPT_CHECK_STATE },
	{ "version", no_argument, NULL, OPT_VERSION },
	{ "help", no_argument, NULL, 'h' },
	{ NULL, 0, NULL, 0 },
};

struct arguments {
	struct server_source source;
	const char *settings[SETTINGS_MAX];
	bool check, check_state;
};

/* -1: go on; else the exit status. */
static int read_arguments(int argc, char **argv, struct arguments *out)
{
	int c;

	memset(out, 0, sizeof(*out));
	out->source.settings = out->settings;
	while ((c = getopt_long(argc, argv, "c:o:h", options, NULL)) != -1) {
		switch (c) {
		case 'c':
			out->source.file = optarg;
			break;
		case 'o':
			if (out->source.n == SETTINGS_MAX) {
				fprintf(stderr, "jobd: at most %d settings by -o\n", SETTINGS_MAX);
				return EXIT_USAGE;
			}
			out->settings[out->source.n++] = optarg;
			break;
		case OPT_CHECK:
			out->check = true;
			break;
		case OPT_CHECK_STATE:
			out->check_state = true;
			break;
		case OPT_VERSION:
			printf("jobd %s\n", PACKAGE_VERSION);
			return EXIT_CLEAN;
		case 'h':
			fputs(help, stdout);
			return EXIT_CLEAN;
		default:
			fputs("Try 'jobd --help'.\n", stderr);
			return EXIT_USAGE;
		}
	}
	if (optind == argc)
		return -1;
	fprintf(stderr, "jobd: unexpected argument '%s'\nTry 'jobd --help'.\n", argv[optind]);
	return EXIT_USAGE;
}

static void complain(const char *text)
{
	size_t len = strlen(text);

	fprintf(stderr, "%s%s", text, len > 0 && text[len - 1] == '\n' ? "" : "\n");
}

/* What is asked instead of a daemon. */
static int only_look(const struct conf *conf, bool state)
{
	const char *lack = settings_lack(conf);

	if (lack != NULL) {
		complain(lack);
		return EXIT_USAGE;
	}
	if (state)
		return check_state(conf->state.directory);
	puts("the configuration is fine");
	return EXIT_CLEAN;
}

int main(int argc, char **argv)
{
	struct arguments arguments;
	struct conf *conf;
	char *why = NULL;
	int status;

	if (argc > 1 && strcmp(argv[1], "--worker") == 0)
		return worker_main(argc, argv);
	status = read_arguments(argc, argv, &arguments);
	if (status >= 0)
		return status;
	conf = calloc(1, sizeof(*conf));
	if (conf == NULL || conf_read(arguments.source.file, arguments.settings, arguments.source.n, conf, &why) != 0) {
		status = why != NULL ? EXIT_USAGE : EXIT_FAILED;
		complain(why != NULL ? why : "jobd: out of memory");
		free(why);
		free(conf);
		return status;
	}
	if (settings_lack(conf) == NULL && !arguments.check && !arguments.check_state)
		return server_run(conf, &arguments.source);
	status = only_look(conf, arguments.check_state);
	conf_free(conf);
	free(conf);
	return status;
}
