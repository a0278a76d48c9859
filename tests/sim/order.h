/*
 * order: who is next, judged at the moment the backlog hands a job over, among
 * all the ready jobs there are; and whether anything that could start waits.
 */
#ifndef JOBD_SIM_ORDER_H
#define JOBD_SIM_ORDER_H

void order_begin(void);
/* Whose turn it is is reckoned anew: a life began, or a weight has changed. */
void order_new_turns(void);

/* When nothing can run: no job that may start may be left where there is room for it. */
void order_at_rest(void);

#endif
