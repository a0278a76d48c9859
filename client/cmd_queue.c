/* queue list, show, pause and resume. */
#include <string.h>

#include "client/cmd.h"
#include "client/names.h"
#include "client/queues.h"
#include "client/table.h"

static int queue_list_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct table *table;
	json_t *answer, *queue;
	struct words w;
	size_t i;
	int code;

	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 0, 0, &code))
		return code;
	answer = ctl_call(ctl, "queue.list", NULL, &code);
	if (answer == NULL)
		return code;
	table = table_new(ctl, queues_columns);
	json_array_foreach(json_object_get(answer, "queues"), i, queue)
		if (table != NULL)
			table_add(table, queue);
	code = table != NULL ? CTL_DONE : CTL_JOB;
	table_free(&table);
	json_decref(answer);
	return code;
}

static void queue_show(void *arg, const char *name, json_t *queue)
{
	const struct ctl *ctl = arg;

	(void)name;
	if (ctl->json)
		ctl_print_json(queue);
	else
		table_members(ctl, queue, NULL, NULL);
}

static int queue_show_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	struct words w;
	int code;

	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 1, INT32_MAX, &code))
		return code;
	return names_call(ctl, "queue.get", &w, NULL, queue_show, ctl);
}

static int queue_switch(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, const char *method)
{
	struct words w;
	int code;

	if (!options_words(ctl, cmd, argc, argv, NULL, &w, 1, INT32_MAX, &code))
		return code;
	return queues_table(ctl, method, &w, NULL);
}

static int queue_pause_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	return queue_switch(ctl, cmd, argc, argv, "queue.pause");
}

static int queue_resume_main(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv)
{
	return queue_switch(ctl, cmd, argc, argv, "queue.resume");
}

const struct cmd cmd_queue_list = {
	"queue list", "", "list the queues",
	NULL,
	"jobctl queue list\n",
	{ NULL, NULL }, queue_list_main
};

const struct cmd cmd_queue_show = {
	"queue show", "NAME...", "show queues",
	NULL,
	"jobctl queue show mail\n",
	{ NULL, NULL }, queue_show_main
};

const struct cmd cmd_queue_pause = {
	"queue pause", "NAME...", "start nothing more from queues",
	"What runs goes on; what is submitted waits.\n",
	"jobctl queue pause mail\n",
	{ NULL, NULL }, queue_pause_main
};

const struct cmd cmd_queue_resume = {
	"queue resume", "NAME...", "let paused queues go on",
	NULL,
	"jobctl queue resume mail\n",
	{ NULL, NULL }, queue_resume_main
};
