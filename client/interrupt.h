/*
 * interrupt: waits for the daemon and for Ctrl-C at once.
 *
 * From interrupt_open on, SIGINT, SIGTERM and SIGHUP do not end the program:
 * interrupt_wait tells of them.
 */
#ifndef JOBCTL_INTERRUPT_H
#define JOBCTL_INTERRUPT_H

struct ctl;

/* The descriptor to be given to the others; -1: failed, was said. */
int interrupt_open(void);
/* Until the daemon sends something (0), or a signal comes (its number). */
int interrupt_wait(int fd, const struct ctl *ctl);
/* For the end of the program. */
void interrupt_close(int fd);

#endif
