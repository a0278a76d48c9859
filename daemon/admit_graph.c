#include "admit_graph.h"

#include <stdlib.h>
#include <string.h>

enum { AFTER_MAX = 10000 };

static int64_t read_one(struct params *p, const struct refs *refs, const json_t *entry)
{
	const char *name = json_string_value(entry);
	int64_t place = name != NULL && refs != NULL ? refs_find(refs, name) : -1;

	if (json_is_integer(entry) && json_integer_value(entry) > 0)
		return json_integer_value(entry);
	if (place >= 0 && strlen(name) == json_string_length(entry))
		return -1 - place;
	if (refs == NULL)
		params_refuse(p, "after", "must hold job ids: positive integers");
	else if (name != NULL)
		params_refuse(p, "after", "must hold job ids and refs of jobs of this call; \"%.64s\" is the ref of none", name);
	else
		params_refuse(p, "after", "must hold job ids: positive integers, and refs of jobs of this call: strings");
	return 0;
}

void admit_graph_read(struct params *p, const struct refs *refs, struct submission *out)
{
	static const char *const failure_words[] = { "cancel", "run", NULL };
	json_t *entries = params_array(p, "after", AFTER_MAX);
	int64_t *after;

	out->after_run = params_word(p, "after_failure", 0, failure_words) == 1;
	if (refs != NULL)
		params_string(p, "ref", NULL);	/* read before: here it is only known */
	if (json_array_size(entries) == 0)
		return;
	after = calloc(json_array_size(entries), sizeof(after[0]));
	out->after = after;
	if (after == NULL) {
		rpc_error_set(p->error, RPC_OVERLOADED, NULL, "the daemon is out of memory: try later");
		return;
	}
	for (out->after_n = 0; out->after_n < json_array_size(entries); out->after_n++)
		after[out->after_n] = read_one(p, refs, json_array_get(entries, out->after_n));
}

void admit_graph_free(struct submission *s)
{
	free((void *)s->after);
	s->after = NULL;
	s->after_n = 0;
}
