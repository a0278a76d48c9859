/*
 * fill_args: a job's args with the results that they stand for.
 *
 * Pure, for both back ends: a back end brings the args and, when asked, the
 * results. Away from the loop: results may be megabytes of JSON.
 */
#ifndef JOBD_FILL_ARGS_H
#define JOBD_FILL_ARGS_H

#include "store/store.h"

/*
 * Brings the text of a job's result, to be freed, or NULL where there is none;
 * source->attempt and ->final_at say of which end it is (attempt -1: the job is gone).
 */
typedef char *fill_result_fn(void *arg, struct fill_source *source);

/* Results read so far, for jobs that ask for the same: a bounded number of bytes. */
struct fill_cache {
	struct fill_document *v;
	size_t n, bytes;		/* of their texts */
	size_t read;			/* bytes of texts read in all */
};

void fill_cache_free(struct fill_cache *cache);

/*
 * Makes f->args and f->sources from the args as they are stored, or says in
 * f->why what cannot be. 0 or -ENOMEM.
 */
int fill_args(struct filling *f, const char *args, size_t args_max, struct fill_cache *cache, fill_result_fn *result, void *arg);

#endif
