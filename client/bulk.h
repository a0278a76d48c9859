/*
 * bulk: many jobs from a file of JSON lines, exactly up to the first bad one.
 *
 * Lines go in chunks, each one job.submit_many: all or none. While the daemon
 * makes one chunk durable the next is read. A chunk that is refused is halved
 * until the line to blame stands alone; what stood before it has then been
 * submitted, and nothing after it. A chunk whose answer is lost with the
 * connection is submitted once more over a new one: its jobs have request ids.
 *
 * A line may name jobs of lines before it by their `ref`, whichever chunk those
 * were in; not of lines behind it, not even in its own chunk: what a file means
 * does not hang on where chunks end.
 */
#ifndef JOBCTL_BULK_H
#define JOBCTL_BULK_H

#include <jansson.h>

struct ctl;

/* path: "-" is stdin. defaults: members for lines that lack them. The exit code. */
int bulk_submit(struct ctl *ctl, const char *path, const json_t *defaults);

#endif
