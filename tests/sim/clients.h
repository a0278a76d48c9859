/*
 * clients: what people and programs ask for, at random, by the real commands;
 * and whether the answers are true.
 */
#ifndef JOBD_SIM_CLIENTS_H
#define JOBD_SIM_CLIENTS_H

#include <jansson.h>

#include "mailbox.h"
#include "model.h"
#include "proto/error.h"

struct client {
	struct mailbox mailbox;
	int number;
	void (*replied)(struct client *c, const json_t *answer);	/* before what follows behind the reply; or NULL */
};

/*
 * Calls a method; `params` is taken over. The result, the caller's to decref;
 * or NULL with *error set, kind RPC_OK where a crash came before the answer.
 */
json_t *client_call(struct client *c, const char *method, json_t *params, struct rpc_error *error) PARKS;

/* Is the error one that a client may get at any time: the store fails, the daemon ends? */
bool client_excused(const struct rpc_error *error, mono_us since);

/* changes.c: what may be asked about a job that is there. */
void client_asks(struct client *c, enum ask ask) PARKS;
void client_updates(struct client *c) PARKS;
void client_releases(struct client *c, int64_t id) PARKS;
struct wish *client_some_job(void);

/* Does it say that a queue is full, of one that can be? */
bool client_full_queue(const struct rpc_error *error);

/* In a life's group: asks until the life ends. arg: its number, as a pointer. */
void client_main(void *arg);

/* Lets everything go on that was stopped: pauses, holds, drains. */
void client_tidy(void) PARKS;

/* wishes.c: new jobs. */
void wishes_begin(void);
struct wish *wish_make(unsigned keyed_in);	/* it has a unique key in so many */
json_t *wish_json(struct wish *w);
void client_submits(struct client *c) PARKS;
void client_submits_many(struct client *c) PARKS;
void client_submits_again(struct client *c, struct wish *w, json_t *job) PARKS;

/* Were as many asked for as this world has? */
bool client_enough(void);

/*
 * requests.c: jobs with a request_id, which may be asked for again: each time
 * the answer must be the first one.
 */
void requests_begin(void);
void requests_end(void);
void request_asked(const struct wish *w, json_t *job);
void request_answered(const struct wish *w, const json_t *answer);
void client_asks_again(struct client *c) PARKS;

#endif
