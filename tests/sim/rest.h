/*
 * rest: whenever nothing can run, all books must agree: store, model and
 * backlog; and what has had its time must have happened.
 */
#ifndef JOBD_SIM_REST_H
#define JOBD_SIM_REST_H

void rest_begin(void);
/* At each pause of the loop; looks closely now and then. */
void rest_look(void);
/* Once all jobs are final and nobody asks anything: nothing is left over. */
void rest_final(void);

#endif
