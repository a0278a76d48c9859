/*
 * model: what is true of each job, as the contract has it.
 *
 * A wish is a job as a client asked for it, told by a number of its own that
 * travels in `meta`, so that the model knows a job whose submit was answered
 * by a crash. It follows the stream of changes and judges each one alone from
 * what was asked, what the job's bodies did, and what was told before.
 */
#ifndef JOBD_SIM_MODEL_H
#define JOBD_SIM_MODEL_H

#include <sys/queue.h>

#include "bodies.h"
#include "kinds/kind.h"
#include "store/store.h"

enum { SIM_QUEUES = 5, SIM_TYPES = 4, SIM_TYPES_IO = 2, SIM_KEYS = 64, SIM_LIMITS = 5, SIM_GROUPS = 4 };

extern const char *const sim_queues[SIM_QUEUES];
extern const char *const sim_types[SIM_TYPES];

/* What people may ask for about a job that is there. */
enum ask { ASK_CANCEL, ASK_HOLD, ASK_RELEASE, ASK_RETRY, ASK_DELETE, ASK_UPDATE, ASKS };

struct wish_update {				/* a job.update under way */
	int64_t id;
	bool sets_priority, sets_queue, sets_run_at;
	int priority, queue;
	wall_ms run_at;				/* 0 = at once */
	LIST_ENTRY(wish_update) link;
};

LIST_HEAD(wish_updates, wish_update);

struct wish_edge {				/* the child names the parent in `after` */
	struct wish *parent, *child;
	LIST_ENTRY(wish_edge) link;
};

LIST_HEAD(wish_edges, wish_edge);

enum { WISH_AFTER_MAX = 4 };

struct schedule_plan;

struct wish {
	int64_t serial;
	struct schedule_plan *plan;			/* of a schedule: the job is its template, and none itself */
	/* asked for; priority and queue as they are now */
	int queue, type, priority;
	wall_ms delay, ttl, timeout, retain;	/* -1 = not said */
	bool hold, once;			/* once: interrupted "fail" */
	struct retry_policy retry;
	int key;				/* unique key's number; 0 = none */
	enum unique_scope scope;
	enum unique_on_conflict on_conflict;
	struct wish_edge edges[WISH_AFTER_MAX];	/* to those that it waits for */
	int edges_n;
	bool after_run;				/* and runs, however they end */
	int part, part_of;			/* its args hold that part of the result of that one; see fills.h */
	int group;				/* 0 = none */
	int limit_key, limit;			/* concurrency key's number; 0 = none */
	/* told */
	int64_t id;				/* 0: nothing told of it */
	enum job_state first, state;		/* it began as; JOB_NONE again once it is gone */
	struct job_row row;
	wall_ms final_at;
	uint64_t changed_seq;
	int hand_queue;				/* whose slot it takes while it is in hand */
	wall_ms taken_at;
	bool token;			/* its queue had a rate then: it has taken one */
	bool claiming;				/* in hand, and its claim is not on disk */
	struct wish_edges children;
	mono_us let_go;				/* when the latest of these became final */
	bool filled;				/* its args are, */
	int64_t filled_with;			/* with this attempt's result */
	mono_us unfilled;			/* it was seen to wait for that alone, since then */
	bool came_back;				/* it was final once, and was retried */
	int uncounted, interruptions;		/* as counted here */
	unsigned life;				/* that claimed the latest attempt */
	mono_us cancelled;			/* when that was told */
	struct body body;			/* its latest */
	bool again;				/* was asked for more than once */
	bool triggered;				/* comes of a trigger that is not answered yet */
	struct wish_updates updates;
	unsigned asking[ASKS];			/* requests for that under way */
	TAILQ_ENTRY(wish) link;			/* among the ready ones of its queue */
};

TAILQ_HEAD(wish_list, wish);

void model_begin(void);
void model_end(void);

/* A life of the daemon begins: what runs by the store was cut off, and is to be recovered. */
void model_new_life(void);
unsigned model_life(void);

struct wish *model_wish(void);			/* a new one, nothing asked yet */
struct wish *model_copy(const struct wish *template);	/* a new one that asks for the same */
struct wish *model_by_serial(int64_t serial);	/* those too that are gone; NULL: never made */
struct wish *model_find(int64_t id);		/* NULL: not there now */
struct wish *model_by_id(int64_t id);		/* those too that are gone */
int64_t model_last_id(void);
size_t model_wishes(void);

/* The newest job that holds a unique key: among those not final, or among all. */
struct wish *model_holder(int key, enum unique_scope scope);

enum job_class model_class(const struct wish *w);
const struct wish_list *model_ready(int queue, enum job_class class);
int64_t model_count(enum job_state state);
int64_t model_waiting(int queue);		/* neither running nor final */
uint64_t model_seq(void);
int model_queue_of(const char *name);		/* -1: none of ours */
int model_type_of(const char *name);

/* The stream of changes, before anyone else hears it. */
void model_changed(const struct job_change *change);

/* A request about a job, or one to replace a key's holder, is under way; or no more. By id: the job may be gone. */
void model_asks(int64_t id, enum ask ask, int by);
void model_replaces(int key, int by);
bool model_asked(const struct wish *w);
bool model_replaced(int key);

/* judge.c: is the change the one that must come of what was asked and done? */
void model_judge(struct wish *w, const struct job_change *change);

#endif
