/*
 * cmd: the commands of jobctl. A file of cmd_*.c for each, or for a small
 * family, ending in a const struct cmd each; jobctl.c has the table.
 *
 * Parsing, --help, completion and the tests read the same option tables, so
 * that they cannot come apart.
 */
#ifndef JOBCTL_CMD_H
#define JOBCTL_CMD_H

#include "client/ctl.h"
#include "client/options.h"

struct cmd {
	const char *name;		/* "list"; of a family "queue list" */
	const char *args;		/* what follows it in the usage line, beside options */
	const char *summary;		/* a line, for the list of commands */
	const char *help;		/* what it does, in a few sentences; or NULL */
	const char *examples;		/* a line each */
	const struct opt *options[2];	/* its own; those it shares with others; NULL: none */
	/* The exit code. words[0] is the first after the command's name. */
	int (*run)(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv);
};

/* All commands in the order of --help, NULL-ended. */
extern const struct cmd *const cmd_table[];

/* The command that argv begins with; *words is set to how many of argv its name takes. NULL. */
const struct cmd *cmd_find(int argc, char **argv, int *words);

/* Says that there is no such command, and which there are in the family if the first word names one. CTL_USAGE. */
int cmd_unknown(const char *first, const char *second);

/* "list, show, ..." where `first` begins names of two words; else names stays as it is. */
void cmd_family(const char *first, char *names, size_t size);

/* Usage, what it does, options and examples, on `out`. */
void cmd_help(const struct cmd *cmd, FILE *out);
/* The commands whose names begin with that word. False: it is no family's. */
bool cmd_help_family(const char *first, FILE *out);
/* The same for jobctl as a whole. */
void cmd_help_all(FILE *out);

extern const struct cmd cmd_run, cmd_submit;
extern const struct cmd cmd_list, cmd_count, cmd_show, cmd_why, cmd_wait, cmd_logs;
extern const struct cmd cmd_cancel, cmd_retry, cmd_hold, cmd_release, cmd_update, cmd_delete;
extern const struct cmd cmd_queue_list, cmd_queue_show, cmd_queue_set, cmd_queue_pause, cmd_queue_resume, cmd_queue_purge;
extern const struct cmd cmd_schedule_list, cmd_schedule_show, cmd_schedule_put, cmd_schedule_delete, cmd_schedule_trigger;
extern const struct cmd cmd_watch, cmd_top;
extern const struct cmd cmd_status, cmd_ping, cmd_drain, cmd_resume, cmd_reload, cmd_backup;
extern const struct cmd cmd_completion, cmd_help_command;

#endif
