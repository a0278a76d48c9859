#include "fill.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "base/log.h"
#include "kinds/kind.h"
#include "proto/jtext.h"

enum { STORE_RETRY = 500 * 1000 };

void fill_init(struct fill *f)
{
	f->wanted = true;	/* unknown until asked */
	cond_init(&f->more);
}

void fill_wanted(struct fill *f)
{
	f->wanted = true;
	cond_signal(&f->more);
}

/* Would the job have been accepted with these args? If not, why. 0 or -ENOMEM. */
static int fill_check(struct filling *f)
{
	const struct kind *kind = kind_find(f->type);
	struct rpc_error error = { 0 };
	struct params args;
	json_t *value;

	if (f->why[0] != '\0')
		return 0;
	value = jtext_parse(f->args, strlen(f->args), f->why, sizeof(f->why));
	if (value == NULL && errno == ENOMEM) {
		f->why[0] = '\0';
		return -ENOMEM;
	}
	if (value == NULL || kind == NULL) {
		json_decref(value);
		return 0;
	}
	params_init(&args, value, "args.", &error);
	kind->check(&args);
	if (error.kind == RPC_INVALID_PARAMS)
		snprintf(f->why, sizeof(f->why), "%s", error.message);
	json_decref(value);
	return error.kind == RPC_OK || error.kind == RPC_INVALID_PARAMS ? 0 : -ENOMEM;
}

/* One turn: *more says whether another may find something. 0 or the store's failure. */
static int fill_turn(struct fill *f, struct fillings *fillings, bool *more)
{
	int rc = store_fillings(f->store, f->args_max, fillings);

	*more = fillings->n > 0;
	for (size_t i = 0; i < fillings->n && rc == 0; i++) {
		rc = fill_check(&fillings->v[i]);
		if (rc == 0)
			rc = coro_yield();
	}
	if (rc == 0 && fillings->n > 0)
		rc = store_fill(f->store, fillings, clock_wall());
	fillings_free(fillings);
	return rc;
}

void fill_main(void *arg)
{
	struct fill *f = arg;
	struct fillings *fillings = calloc(1, sizeof(*fillings));
	int rc = 0;

	if (fillings == NULL)
		log_fatal("out of memory at the start");
	while (rc != -ECANCELED) {
		bool more = false;

		f->wanted = false;
		rc = fill_turn(f, fillings, &more);
		f->wanted |= more;
		if (rc != 0 && rc != -ECANCELED) {
			f->wanted = true;
			rc = coro_sleep(clock_after(STORE_RETRY));
		}
		while (!f->wanted && rc == 0)
			rc = cond_wait(&f->more, MONO_NEVER);
	}
	free(fillings);
}
