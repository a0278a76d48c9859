/*
 * order: who is next, judged at the moment the backlog hands a job over, among
 * all the ready jobs there are; and whether anything that could start waits.
 */
#ifndef JOBD_SIM_ORDER_H
#define JOBD_SIM_ORDER_H

#include <stdbool.h>

#include "store/store.h"

void order_begin(void);
void order_queue_changed(const struct queue_row *queue);
bool order_paused(int queue);

/* When nothing can run: no job that may start may be left where there is room for it. */
void order_at_rest(void);

#endif
