/* question: asks before much is changed at once. */
#ifndef JOBCTL_QUESTION_H
#define JOBCTL_QUESTION_H

#include <stdbool.h>

struct ctl;

/* Is there somebody at a terminal to be asked? */
bool question_possible(const struct ctl *ctl);

/* "... [y/N]" on stderr. False: the answer was not yes, and that nothing was changed has been said. */
bool question_ask(const struct ctl *ctl, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
