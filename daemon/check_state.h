/* check_state: jobd --check-state: all of a state looked at, and told on stdout. */
#ifndef JOBD_CHECK_STATE_H
#define JOBD_CHECK_STATE_H

/* The exit status. */
int check_state(const char *directory);

#endif
