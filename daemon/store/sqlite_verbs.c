#include "store/sqlite_edge.h"
#include "store/sqlite_verbs.h"

int sqlite_verb(struct sqlite_tx *tx, struct store_op *op)
{
	static int (*const verbs[VERBS])(struct sqlite_tx *tx, struct store_op *op) = {
		[VERB_SUBMIT] = sqlite_life_submit,
		[VERB_CLAIM] = sqlite_life_claim,
		[VERB_SETTLE] = sqlite_life_settle,
		[VERB_CANCEL] = sqlite_ask,
		[VERB_HOLD] = sqlite_ask,
		[VERB_RELEASE] = sqlite_ask,
		[VERB_RETRY] = sqlite_ask,
		[VERB_DELETE] = sqlite_ask,
		[VERB_UPDATE] = sqlite_ask_update,
		[VERB_CANCEL_MANY] = sqlite_ask_many,
		[VERB_RETRY_MANY] = sqlite_ask_many,
		[VERB_DELETE_MANY] = sqlite_ask_many,
		[VERB_DUE] = sqlite_time_due,
		[VERB_EXPIRE] = sqlite_time_expire,
		[VERB_PRUNE] = sqlite_time_prune,
		[VERB_RECOVER] = sqlite_time_recover,
		[VERB_RESOLVE] = sqlite_time_resolve,
		[VERB_FILL] = sqlite_fill,
		[VERB_READY_PAGE] = sqlite_ready_page,
		[VERB_OUTPUT_APPEND] = sqlite_output_append,
		[VERB_QUEUE_SET] = sqlite_queue_set,
		[VERB_SCHEDULE_PUT] = sqlite_schedule_put,
		[VERB_SCHEDULE_DELETE] = sqlite_schedule_delete,
		[VERB_SCHEDULE_FIRE] = sqlite_schedule_fire,
		[VERB_PROBE] = sqlite_ask_probe,
	};

	int rc = verbs[op->verb](tx, op);

	sqlite_edge_follow(tx, op, &tx->edges_left);
	return rc;
}
