/*
 * flow_row: a flow as the store tells of it.
 *
 * Jobs of one queue and type that have the same group, key and limit are a flow:
 * one order, one fate. Its number stays while it has jobs that are not final.
 */
#ifndef JOBD_STORE_FLOW_ROW_H
#define JOBD_STORE_FLOW_ROW_H

#include <stdint.h>

struct flow_row {
	int64_t id;
	const char *group, *key;	/* NULL: none */
	int64_t limit;			/* of the key */
};

enum { STORE_FLOWS_MAX = 1 << 18 };	/* that have jobs which are not final */

struct flow_count {
	const char *queue, *type;
	struct flow_row row;
	int64_t unfinished, ready;	/* its jobs that are not final, and of these the ready ones */
};

struct ready_first {		/* of the ready jobs of one order, of a flow or (0) of those without one, the first */
	const char *queue, *type;
	int64_t flow;
	int priority;
	int64_t id;
};

#endif
