/* queues: what is set of each queue, as the store told it. */
#ifndef JOBD_SIM_QUEUES_H
#define JOBD_SIM_QUEUES_H

#include "model.h"

/* As configured. */
extern const struct queue_settings sim_defaults[SIM_QUEUES];

void queues_begin(void);
void queues_changed(const struct queue_row *row);

bool queue_paused(int queue);
/* Somebody asks for a pause, until he asks no more: the queue may stand still before the store says so. */
void queue_pausing(int queue, bool asks);
bool queue_may_stand(int queue);
/* In force now. */
struct queue_settings queue_settings(int queue);
/* Was anything else in force within the last so many ms? */
bool queue_settled(int queue, wall_ms within);

#endif
