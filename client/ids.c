#include "client/ids.h"

#include <errno.h>
#include <stdlib.h>

#include "client/cmd.h"

enum { IDS_WINDOW = 256 };

int64_t ids_parse(const struct cmd *cmd, const char *word)
{
	char *end;
	long long id;

	errno = 0;
	id = strtoll(word, &end, 10);
	if (errno == 0 && *end == '\0' && id > 0 && word[0] >= '0' && word[0] <= '9')
		return id;
	options_misused(cmd, "a job's id is a positive number, not \"%s\"", word);
	return 0;
}

bool ids_of(const struct cmd *cmd, const struct words *w, struct ids *out)
{
	out->n = (size_t)w->n;
	out->v = calloc(out->n, sizeof(*out->v));
	if (out->v == NULL)
		ctl_error("out of memory");
	for (size_t i = 0; i < out->n && out->v != NULL; i++) {
		out->v[i] = ids_parse(cmd, w->v[i]);
		if (out->v[i] == 0)
			ids_free(out);
	}
	return out->v != NULL;
}

bool ids_read(struct ctl *ctl, const struct cmd *cmd, int argc, char **argv, void *own, struct ids *out, int *code)
{
	struct words w;

	out->v = NULL;
	out->n = 0;
	if (!options_words(ctl, cmd, argc, argv, own, &w, 1, INT32_MAX, code))
		return false;
	*code = CTL_USAGE;
	return ids_of(cmd, &w, out);
}

void ids_free(struct ids *ids)
{
	free(ids->v);
	ids->v = NULL;
	ids->n = 0;
}

json_t *ids_array(const struct ids *ids)
{
	json_t *array = json_array();

	for (size_t i = 0; i < ids->n; i++) {
		if (json_array_append_new(array, json_integer(ids->v[i])) < 0) {
			json_decref(array);
			return NULL;
		}
	}
	return array;
}

/* Takes one answer. The exit code. */
static int ids_settle(struct ctl *ctl, int64_t id, int64_t number, struct jobd_error *error,
		      void (*each)(void *arg, int64_t id, json_t *answer), void *arg)
{
	json_t *answer = number > 0 ? jobd_receive(ctl->conn, &number, -1, error) : NULL;
	char what[32];

	if (answer != NULL) {
		each(arg, id, answer);
		json_decref(answer);
		return CTL_DONE;
	}
	snprintf(what, sizeof(what), "job %lld", (long long)id);
	return ctl_refused(error->code != 0 ? what : NULL, error);
}

/* NULL: out of memory; the daemon refuses a request without any. */
static json_t *ids_params(int64_t id, json_t *more)
{
	json_t *params = json_pack("{s:I}", "id", (json_int_t)id);

	if (more == NULL || params == NULL || json_object_update(params, more) == 0)
		return params;
	json_decref(params);
	return NULL;
}

int ids_call(struct ctl *ctl, const struct ids *ids, const char *method, json_t *more,
	     void (*each)(void *arg, int64_t id, json_t *answer), void *arg)
{
	int64_t numbers[IDS_WINDOW];
	size_t sent = 0, settled = 0;
	int code = ctl_connect(ctl), last;
	struct jobd_error error;

	while (settled < ids->n && code != CTL_NO_DAEMON && ctl->conn != NULL) {
		for (; sent < ids->n && sent < settled + IDS_WINDOW; sent++)
			numbers[sent % IDS_WINDOW] =
				jobd_send(ctl->conn, method, ids_params(ids->v[sent], more), &error);
		last = ids_settle(ctl, ids->v[settled], numbers[settled % IDS_WINDOW], &error, each, arg);
		settled++;
		if (last != CTL_DONE)
			code = last;
	}
	return code;
}
