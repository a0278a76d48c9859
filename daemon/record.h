/* record: a job, as clients see it. */
#ifndef JOBD_RECORD_H
#define JOBD_RECORD_H

#include <stdbool.h>

#include "proto/jtext.h"
#include "store/job_row.h"

struct dispatch;
struct backlog;

/*
 * Why a job that is neither running nor final does not run: the first reason
 * that holds, as a word; NULL for others.
 */
const char *record_reason(const struct job_row *row, const struct backlog *s, const struct dispatch *d);

/* The whole record as an object; without args, meta and result unless full. */
void record_write(struct jwriter *w, const struct job_record *record, const struct backlog *s, const struct dispatch *d,
		  bool full);

#endif
