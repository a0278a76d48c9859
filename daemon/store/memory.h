/* memory: what the files of the memory back end share. */
#ifndef JOBD_STORE_MEMORY_H
#define JOBD_STORE_MEMORY_H

#include "base/buf.h"
#include "base/map.h"
#include "store/op.h"

struct memory_output {		/* what is kept of one attempt's stream */
	int attempt, stream;
	struct buf data;
};

struct memory_job {
	struct job_kept k;
	struct job_spec *spec;
	char *result, *reason, *message, *progress;
	int64_t output_bytes[2];
	struct attempt_row history[RULES_HISTORY_MAX];
	size_t history_len;
	struct memory_output *outputs;
	size_t outputs_n;
	struct memory_job *next_dropped;
	TAILQ_HEAD(, memory_edge) down, up;	/* to those that name it; to those that it names */
	bool moving;				/* as in struct sqlite_job */
	STAILQ_ENTRY(memory_job) moving_link;
};

struct memory_request {		/* the answer that a submit with this request_id was given */
	char *id;
	wall_ms until;
	int64_t job;
	enum job_state state;
	bool existing;
};

struct memory_flow {
	char *name;			/* what makes it: */
	size_t name_len;
	struct flow_row row;		/* numbered from 1 on */
	UT_hash_handle hh;
};

struct memory_queue {
	struct queue_row row;
	struct bucket bucket;
	char name[80];
};

struct memory_store {
	struct memory_job **jobs;	/* by id */
	size_t n;
	struct memory_request *requests;
	size_t requests_n;
	struct memory_queue *queues;
	size_t queues_n;
	struct schedule_row **schedules;	/* in no order */
	size_t schedules_n;
	struct memory_flow *flows;
	int64_t last_id;
	uint64_t seq, operations;
	wall_ms retain;
	struct memory_job *dropped;	/* their names are borrowed until the op has been told; */
	struct job_spec *dropped_spec;	/* so are those of one that an update took the place of */
	STAILQ_HEAD(, memory_job) moving;
	struct op_list ops;
	bool busy;			/* somebody carries ops out, further up the stack */
};

/* Memory, or the end of the process. */
_Noreturn void memory_no_memory(void);
void *memory_alloc(size_t n, size_t size);
char *memory_copy(const char *text);
/* Room for one more behind n of them, when n reaches a power of two. */
void *memory_grow(void *v, size_t n, size_t size);

void memory_job_free(struct memory_job *j);
struct memory_job *memory_find(const struct memory_store *m, int64_t id);
/* The entry of a job's latest attempt, as `k` and the job's error say it. */
struct attempt_row memory_latest(const struct memory_job *j, const struct job_kept *k);
/* What is kept of a stream, or NULL. */
struct memory_output *memory_output(const struct memory_job *j, int attempt, int stream);

/* memory_submit.c */
/* A new job, by rules_submit. */
struct memory_job *memory_insert(struct memory_store *m, struct store_op *op, struct submission *s,
				 const struct graph_start *start, struct effect *e, char *why);
int memory_submit(struct memory_store *m, struct store_op *op);
int memory_submit_dry(struct memory_store *m, struct store_op *op);
/* The newest job that holds the key, among those active or among all. */
struct memory_job *memory_holder(const struct memory_store *m, const struct submission *s);

/* memory_write.c */
void memory_set(char **to, const char *text);
/* A rule has changed the job from `was`, with this effect: carried out and noted. */
void memory_save(struct memory_store *m, struct store_op *op, struct memory_job *j, const struct job_kept *was,
		 const struct effect *e);
struct note *memory_note(struct memory_store *m, struct store_op *op, enum job_state from, const struct memory_job *j,
			 const struct effect *e);
/* Changes the job by the rule, and notes it; one that the rule moved to none is gone. 0 or what the rule says. */
int memory_apply(struct memory_store *m, struct store_op *op, struct memory_job *j, rule_fn *rule);
int memory_claim(struct memory_store *m, struct store_op *op);
int memory_settle(struct memory_store *m, struct store_op *op);
int memory_ask(struct memory_store *m, struct store_op *op);
int memory_ask_many(struct memory_store *m, struct store_op *op);
int memory_update(struct memory_store *m, struct store_op *op);
int memory_output_append(struct memory_store *m, struct store_op *op);

/* memory_time.c */
int memory_time(struct memory_store *m, struct store_op *op);

/* memory_request.c */
bool memory_request_answer(const struct memory_store *m, struct submission *s, wall_ms now);
void memory_request_keep(struct memory_store *m, const struct submission *s, wall_ms now);
size_t memory_request_prune(struct memory_store *m, wall_ms now, size_t max);
void memory_request_free(struct memory_store *m);
/* memory_flow.c */
/* The flow of such a job, made if new; false: it has none. */
bool memory_flow_of(struct memory_store *m, const struct job_spec *spec, struct flow_row *out);
void memory_flow_free(struct memory_store *m);

/* memory_queue.c */
int memory_queue_set(struct memory_store *m, struct store_op *op);
/* Its jobs that neither run nor are final. */
int64_t memory_queue_waiting(const struct memory_store *m, const char *queue);
/* May the job start by its queue's settings and its key? 0 or -EAGAIN. The token is taken by memory_queue_token. */
int memory_queue_slots(const struct memory_store *m, const struct claim *c, const struct job_spec *spec);
int memory_queue_token(struct memory_store *m, const struct claim *c, const char *queue);

/* memory_schedule.c */
int memory_schedule_put(struct memory_store *m, struct store_op *op);
int memory_schedule_delete(struct memory_store *m, struct store_op *op);
int memory_schedule_fire(struct memory_store *m, struct store_op *op);
int memory_schedule_get(struct memory_store *m, struct store_op *op);
int memory_schedule_list(struct memory_store *m, struct store_op *op);
void memory_schedule_each(const struct memory_store *m, void (*each)(void *arg, const struct schedule_change *schedule),
			  void *arg);
void memory_schedule_free(struct memory_store *m);

/* memory_graph.c: as sqlite_edge.h and sqlite_graph.h say. */
void memory_touch(struct memory_store *m, struct store_op *op, struct memory_job *j);
void memory_follow(struct memory_store *m, struct store_op *op, size_t *budget);
int memory_resolve(struct memory_store *m, struct store_op *op);
struct memory_job *memory_graph_insert(struct memory_store *m, struct store_op *op, size_t i);
void memory_graph_late(struct memory_store *m, struct store_op *op);
void memory_graph_again(struct memory_store *m, struct store_op *op, struct memory_job *j);
void memory_remove_edges(struct memory_store *m, struct store_op *op, struct memory_job *j);
int memory_blockers(struct memory_store *m, struct store_op *op);
void memory_free_edges(struct memory_store *m);

/* memory_fill.c */
int memory_fillings(struct memory_store *m, struct store_op *op);
int memory_fill(struct memory_store *m, struct store_op *op);

/* memory_read.c: the verbs that change nothing. */
int memory_ready_page(struct memory_store *m, struct store_op *op);
int memory_get(struct memory_store *m, struct store_op *op);
int memory_list(struct memory_store *m, struct store_op *op);
int memory_match(struct memory_store *m, struct store_op *op);
int memory_ahead(struct memory_store *m, struct store_op *op);
int memory_count(struct memory_store *m, struct store_op *op);
int memory_backup(struct memory_store *m, struct store_op *op);
int memory_output_read(struct memory_store *m, struct store_op *op);

#endif
