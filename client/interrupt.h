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
/* Until the daemon sends something or the time is up (0; timeout_ms -1: never), or a signal comes (its number). */
int interrupt_wait(int fd, const struct ctl *ctl, int timeout_ms);
/* For the end of the program. */
void interrupt_close(int fd);

#endif
