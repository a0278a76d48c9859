/*
 * many: requests that change many jobs at once. While one is under way it
 * stands for a request about each job that it covers; when it is answered, none
 * of those there at the call may have been left out.
 */
#ifndef JOBD_SIM_MANY_H
#define JOBD_SIM_MANY_H

#include "clients.h"
#include "model.h"

void many_begin(void);

/* Does one under way ask that of the job? */
bool many_asks(const struct wish *w, enum ask ask);
/* May one under way have set the job aside, as it was at the call? */
bool many_holds(const struct wish *w);
/* Is the queue being purged, so that nothing of it may start? */
bool many_purges(int queue);

void client_asks_many(struct client *c) PARKS;
void client_purges(struct client *c) PARKS;

#endif
