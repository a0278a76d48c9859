/* plans_ask: requests about schedules, and whether their answers are true. */
#include <stdlib.h>
#include <string.h>

#include "life.h"
#include "plans.h"
#include "proto/timefmt.h"
#include "sim.h"
#include "simstore.h"

enum { NEXT_SHOWN = 5, JITTER_MAX = 20 * 1000 };

static const char *const overlaps[] = { "skip", "allow", "queue" };
static const char *const catch_ups[] = { "none", "one", "all" };

/* ---- put ---- */

static struct schedule_plan *some_plan(int number)
{
	struct schedule_plan *plan = calloc(1, sizeof(*plan));
	const struct schedule_plan *was = plan_in_force(number);

	must(0, plan != NULL, "out of memory");
	plan->number = number;
	plan->times = was != NULL && !one_in(3) ? was->times : timetable_some(shape.least_every);
	if (!one_in(3))
		plan->jitter = 0;
	else if (plan->times.every > 0)
		plan->jitter = between(0, plan->times.every - 1);
	else
		plan->jitter = between(0, JITTER_MAX);
	plan->overlap = (enum schedule_overlap)below(3);
	plan->catch_up = (enum schedule_catch_up)below(3);
	plan->paused = one_in(5);
	plan->at = plan->times.origin = clock_wall();
	return plan;
}

static json_t *plan_json(const struct schedule_plan *plan, json_t *job)
{
	const char *cron = timetable_cron(&plan->times);
	json_t *params = json_pack("{s:s, s:o, s:s, s:s, s:s, s:b, s:f}", "name", plan_name(plan->number), "job", job, "timezone",
				   timetable_zone(&plan->times), "overlap", overlaps[plan->overlap], "catch_up",
				   catch_ups[plan->catch_up], "paused", plan->paused, "jitter", (double)plan->jitter / 1000);

	must(0, params != NULL, "out of memory");
	if (cron != NULL)
		json_object_set_new(params, "cron", json_string(cron));
	else
		json_object_set_new(params, "every", json_real((double)plan->times.every / 1000));
	return params;
}

static void put_plan(struct client *c, int number)
{
	struct wish *template = wish_make(6);
	mono_us since = clock_mono();
	struct rpc_error error;
	json_t *record;

	/* One that is replaced by none that asks for it would be judged as nobody's doing. */
	if (template->on_conflict == UNIQUE_REPLACE)
		template->on_conflict = UNIQUE_EXISTING;
	template->plan = some_plan(number);
	template->plan->under_way++;
	record = client_call(c, "schedule.put", plan_json(template->plan, wish_json(template)), &error);
	template->plan->under_way--;
	must(0, record != NULL || (error.kind == RPC_NOT_FOUND && strcmp(error.field, "name") == 0) || client_excused(&error, since),
	     "schedule %s is refused: %s", plan_name(number), error.message);
	json_decref(record);
}

/* ---- delete, trigger ---- */

static void delete_plan(struct client *c, int number)
{
	bool there = plan_there(number);
	mono_us since = clock_mono();
	uint64_t before = plan_changes();
	struct rpc_error error;
	json_t *answer;

	plan_asks_delete(number, 1);
	answer = client_call(c, "schedule.delete", json_pack("{s:s}", "name", plan_name(number)), &error);
	if (simstore_dead())
		return;
	plan_asks_delete(number, -1);
	must(0, answer != NULL || error.kind == RPC_NOT_FOUND || client_excused(&error, since), "schedule %s is not deleted: %s",
	     plan_name(number), error.message);
	must(0, answer != NULL || error.kind != RPC_NOT_FOUND || !there || plan_changes() != before, "schedule %s is not found",
	     plan_name(number));
	json_decref(answer);
}

static void trigger_plan(struct client *c, int number)
{
	mono_us since = clock_mono();
	struct rpc_error error;
	json_t *answer;

	plan_triggers(number);
	answer = client_call(c, "schedule.trigger", json_pack("{s:s}", "name", plan_name(number)), &error);
	plan_triggered(number, json_integer_value(json_object_get(answer, "id")), simstore_dead());
	must(0, answer != NULL || error.kind == RPC_NOT_FOUND || error.kind == RPC_CONFLICT || client_full_queue(&error) ||
	     client_excused(&error, since), "schedule %s is not triggered: %s", plan_name(number), error.message);
	json_decref(answer);
}

/* ---- look ---- */

static wall_ms time_of(const json_t *text)
{
	wall_ms at = 0;

	must(0, json_is_string(text) && timefmt_read(json_string_value(text), &at) == 0, "a time is none");
	return at;
}

static void judge_next(int number, const json_t *record)
{
	const struct schedule_plan *plan = plan_in_force(number);
	const json_t *next = json_object_get(record, "next");
	wall_ms at = plan_next(number);

	must(0, json_array_size(next) == (plan->paused ? 0 : NEXT_SHOWN), "schedule %s shows %zu times", plan_name(number),
	     json_array_size(next));
	for (size_t i = 0; i < json_array_size(next); i++, at = plan_after(number, at))
		must(0, time_of(json_array_get(next, i)) == at, "time %zu of schedule %s is to be %s", i, plan_name(number),
		     json_string_value(json_array_get(next, i)));
}

static void look_at_plan(struct client *c, int number)
{
	uint64_t before = plan_changes();
	struct rpc_error error;
	json_t *record = client_call(c, "schedule.get", json_pack("{s:s}", "name", plan_name(number)), &error);

	if (!simstore_dead() && plan_changes() == before) {
		must(0, (record != NULL) == plan_there(number) || client_excused(&error, 0), "schedule %s is %sthere: %s",
		     plan_name(number), plan_there(number) ? "" : "not ", error.message);
		if (record != NULL)
			judge_next(number, record);
	}
	json_decref(record);
}

static void list_plans(struct client *c)
{
	uint64_t before = plan_changes();
	struct rpc_error error;
	json_t *answer = client_call(c, "schedule.list", json_object(), &error);
	const json_t *list = json_object_get(answer, "schedules");
	size_t i = 0;

	for (int n = 0; answer != NULL && n < SIM_PLANS && plan_changes() == before; n++)
		if (plan_there(n)) {
			const char *name = json_string_value(json_object_get(json_array_get(list, i++), "name"));

			must(0, name != NULL && strcmp(name, plan_name(n)) == 0, "schedule %s is not listed", plan_name(n));
		}
	must(0, answer == NULL || plan_changes() != before || json_array_size(list) == i, "too many schedules are listed");
	json_decref(answer);
}

void client_plans(struct client *c)
{
	int number = (int)below(SIM_PLANS);
	unsigned what = below(10);

	if (what < 4)
		put_plan(c, number);
	else if (what < 5)
		delete_plan(c, number);
	else if (what < 7)
		trigger_plan(c, number);
	else if (what < 9)
		look_at_plan(c, number);
	else
		list_plans(c);
}

void client_ends_plans(struct client *c)
{
	for (int i = 0; i < SIM_PLANS; i++)
		if (plan_there(i))
			delete_plan(c, i);
}
