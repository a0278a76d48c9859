/*
 * parent_talk: frames from and to one process of the pool.
 *
 * What comes is checked against the table of legal frames, then told; a process
 * that says anything else is killed. What goes is gathered in p->out and
 * written once a turn.
 */
#ifndef JOBD_PARENT_TALK_H
#define JOBD_PARENT_TALK_H

struct proc;

/* Its socket can be read, or written. */
void talk_ready(struct proc *p);
/* Takes all that has come: it is dead. */
void talk_read_all(struct proc *p);

/* Asks to have p->out written at the end of this turn. */
void talk_touch(struct proc *p);
void talk_flush(struct proc *p);

#endif
