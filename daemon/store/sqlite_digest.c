#include "store/sqlite_digest.h"

#include <stdlib.h>
#include <string.h>

#include "store/sqlite_lane.h"

void sqlite_digests_init(struct sqlite_digests *d)
{
	memset(d, 0, sizeof(*d));
	d->keeping = -1;
	pthread_mutex_init(&d->mutex, NULL);
}

static void digest_free(struct digest *g)
{
	free(g->flow);
	free(g);
}

void sqlite_digests_free(struct sqlite_digests *d)
{
	while (d->n > 0)
		digest_free(d->v[--d->n]);
	free(d->missed);
	pthread_mutex_destroy(&d->mutex);
}

/* ---- one ---- */

static bool digest_room_for_flows(struct digest *g)
{
	if (g->flow == NULL)
		g->flow = calloc(DIGEST_IDS, sizeof(g->flow[0]));
	return g->flow != NULL;
}

/* False when out of memory. */
static bool digest_set(struct digest *g, const struct digest_change *c)
{
	size_t i = (size_t)(c->id % DIGEST_IDS);

	if (c->flow != 0 && !digest_room_for_flows(g))
		return false;
	g->jobs += (c->what != JOB_NONE) - (g->what[i] != JOB_NONE);
	g->n[g->what[i]]--;
	g->n[c->what]++;
	g->what[i] = (uint8_t)c->what;
	g->lane[i] = (uint32_t)c->lane;
	if (g->flow != NULL)
		g->flow[i] = c->flow;
	g->lanes[c->lane % DIGEST_LANES / 64] |= 1ull << c->lane % 64;
	return true;
}

static struct digest *digest_new(int64_t number)
{
	struct digest *g = calloc(1, sizeof(*g));

	if (g == NULL)
		return NULL;
	g->number = number;
	g->n[JOB_NONE] = DIGEST_IDS;
	return g;
}

static bool digest_wanted(const struct digest *g, const struct digest_want *want)
{
	uint64_t lanes = want->any_lane;
	unsigned n = 0;

	for (unsigned what = 0; what < DIGEST_KINDS; what++)
		n += (want->whats & 1u << what) != 0 ? g->n[what] : 0;
	for (size_t i = 0; i < DIGEST_LANES / 64; i++)
		lanes |= g->lanes[i] & want->lanes[i];
	return n > 0 && lanes != 0;
}

static void digest_copy(const struct digest *g, bool flows, struct digest_copy *out)
{
	out->number = g->number;
	memcpy(out->what, g->what, sizeof(out->what));
	memcpy(out->lane, g->lane, sizeof(out->lane));
	out->flows = flows && g->flow != NULL;
	if (out->flows)
		memcpy(out->flow, g->flow, sizeof(out->flow));
}

/* ---- all ---- */

/* Where the first is whose number is not below this one. */
static size_t digests_at(const struct sqlite_digests *d, int64_t number)
{
	size_t from = 0, to = d->n;

	if (to > 0 && d->v[to - 1]->number <= number)
		return d->v[to - 1]->number < number ? to : to - 1;
	while (from < to) {
		size_t at = (from + to) / 2;

		if (d->v[at]->number < number)
			from = at + 1;
		else
			to = at;
	}
	return from;
}

static struct digest *digests_find(const struct sqlite_digests *d, int64_t number)
{
	size_t at = digests_at(d, number);

	return at < d->n && d->v[at]->number == number ? d->v[at] : NULL;
}

static void digests_remove(struct sqlite_digests *d, size_t at)
{
	digest_free(d->v[at]);
	d->n--;
	memmove(d->v + at, d->v + at + 1, (d->n - at) * sizeof(struct digest *));
}

/* Nothing is known any more of this one, and those below it. */
static void digests_forget(struct sqlite_digests *d, int64_t number)
{
	d->known = number + 1;
	while (d->n > 0 && d->v[0]->number <= number)
		digests_remove(d, 0);
}

static void digests_insert(struct sqlite_digests *d, struct digest *g)
{
	size_t at;

	if (d->n == DIGESTS_MAX)
		digests_forget(d, d->v[0]->number);
	at = digests_at(d, g->number);
	memmove(d->v + at + 1, d->v + at, (d->n - at) * sizeof(struct digest *));
	d->v[at] = g;
	d->n++;
}

/* ---- the writer's side ---- */

static struct digest_change digest_change_of(const struct note *note)
{
	const struct job_row *row = &note->row;
	const struct flow_row *flow = note->change.flow;
	const struct sqlite_lane *lane = note->lane;

	return (struct digest_change){ .id = row->id, .lane = lane->id,
				       .flow = flow != NULL && !job_state_final(row->state) ? flow->id : 0,
				       .what = row->state != JOB_NONE ? digest_what(row->state, row->attempt) : JOB_NONE };
}

static void digests_touch(struct sqlite_digests *d, const struct note *note)
{
	int64_t number = digest_of(note->row.id);
	struct digest *g = number >= d->known ? digests_find(d, number) : NULL;

	d->credit += d->credit < 4 * DIGEST_KEEP_COST;
	if (number < d->known)
		return;
	if (g == NULL) {
		g = digest_new(number);
		if (g == NULL) {
			digests_forget(d, number);
			return;
		}
		digests_insert(d, g);
	}
	g->touched = d->begun;
}

void sqlite_digests_touch(struct sqlite_digests *d, const struct op_list *ops)
{
	const struct store_op *op;
	const struct note *note;

	pthread_mutex_lock(&d->mutex);
	d->begun++;
	STAILQ_FOREACH(op, ops, link)
		STAILQ_FOREACH(note, &op->notes, link)
			digests_touch(d, note);
	pthread_mutex_unlock(&d->mutex);
}

/* While others are read in that it belongs to. */
static void digests_miss(struct sqlite_digests *d, const struct digest_change *c)
{
	if (d->missed_n == d->missed_cap) {
		size_t cap = d->missed_cap > 0 ? 2 * d->missed_cap : 256;
		struct digest_change *missed = realloc(d->missed, cap * sizeof(*missed));

		if (missed == NULL) {
			d->missed_some = true;
			return;
		}
		d->missed = missed;
		d->missed_cap = cap;
	}
	d->missed[d->missed_n++] = *c;
}

static void digests_apply(struct sqlite_digests *d, const struct digest_change *c)
{
	int64_t number = digest_of(c->id);
	size_t at;

	if (number < d->known) {
		if (d->reading)
			digests_miss(d, c);
		return;
	}
	at = digests_at(d, number);
	if (at == d->n || d->v[at]->number != number || !digest_set(d->v[at], c)) {
		digests_forget(d, number);
		return;
	}
	d->v[at]->kept = false;
	if (d->v[at]->jobs == 0 && at + 1 < d->n) {
		digests_remove(d, at);
		d->emptied = d->begun;
	}
}

/* The transaction has ended. */
static void digests_end(struct sqlite_digests *d, bool committed)
{
	struct digest *g = committed && d->keeping >= 0 ? digests_find(d, d->keeping) : NULL;

	if (g != NULL)
		g->kept = true;
	d->keeping = -1;
	d->ended = d->begun;
}

void sqlite_digests_apply(struct sqlite_digests *d, const struct op_list *ops)
{
	const struct store_op *op;
	const struct note *note;

	pthread_mutex_lock(&d->mutex);
	STAILQ_FOREACH(op, ops, link)
		STAILQ_FOREACH(note, &op->notes, link) {
			struct digest_change c = digest_change_of(note);

			digests_apply(d, &c);
		}
	digests_end(d, true);
	pthread_mutex_unlock(&d->mutex);
}

void sqlite_digests_drop(struct sqlite_digests *d)
{
	pthread_mutex_lock(&d->mutex);
	digests_end(d, false);
	pthread_mutex_unlock(&d->mutex);
}

/* ---- what is kept in the file ---- */

bool sqlite_digests_may_be_kept(struct sqlite_digests *d, int64_t number)
{
	const struct digest *g;
	bool may;

	pthread_mutex_lock(&d->mutex);
	g = number >= d->known ? digests_find(d, number) : NULL;
	may = number < d->known || (g != NULL && g->kept);
	pthread_mutex_unlock(&d->mutex);
	return may;
}

/* The one left alone for the longest of those not kept, but for the newest, if there are more than so many. */
static struct digest *digests_loose(const struct sqlite_digests *d, size_t more_than)
{
	struct digest *found = NULL;
	size_t n = 0;

	for (size_t i = 0; i + 1 < d->n; i++) {
		if (d->v[i]->kept)
			continue;
		n++;
		if (found == NULL || d->v[i]->touched < found->touched)
			found = d->v[i];
	}
	return n > more_than ? found : NULL;
}

const struct digest_copy *sqlite_digests_spare(struct sqlite_digests *d)
{
	const struct digest *g;

	if (d->credit < DIGEST_KEEP_COST)
		return NULL;
	pthread_mutex_lock(&d->mutex);
	g = digests_loose(d, DIGESTS_LOOSE);
	if (g != NULL && g->touched == d->begun)
		g = NULL;
	if (g != NULL)
		digest_copy(g, true, &d->spare);
	pthread_mutex_unlock(&d->mutex);
	d->credit -= g != NULL ? DIGEST_KEEP_COST : DIGEST_LOOK_COST;
	return g != NULL ? &d->spare : NULL;
}

void sqlite_digests_keep(struct sqlite_digests *d)
{
	pthread_mutex_lock(&d->mutex);
	d->keeping = d->spare.number;
	pthread_mutex_unlock(&d->mutex);
}

const struct digest_copy *sqlite_digests_left(struct sqlite_digests *d)
{
	struct digest *g;

	pthread_mutex_lock(&d->mutex);
	g = digests_loose(d, 0);
	if (g != NULL) {
		digest_copy(g, true, &d->spare);
		g->kept = true;
	}
	pthread_mutex_unlock(&d->mutex);
	return g != NULL ? &d->spare : NULL;
}

/* ---- what is read in ---- */

/* False when out of memory. */
static bool digest_take(struct digest *g, const struct digest_copy *from)
{
	bool flows = false;

	memcpy(g->what, from->what, sizeof(g->what));
	memcpy(g->lane, from->lane, sizeof(g->lane));
	memset(g->n, 0, sizeof(g->n));
	for (size_t i = 0; i < DIGEST_IDS; i++) {
		g->n[g->what[i]]++;
		if (g->what[i] == JOB_NONE)
			continue;
		g->lanes[g->lane[i] % DIGEST_LANES / 64] |= 1ull << g->lane[i] % 64;
		flows |= from->flows && from->flow[i] != 0;
	}
	g->jobs = DIGEST_IDS - g->n[JOB_NONE];
	g->kept = from->kept;
	if (!flows)
		return true;
	if (!digest_room_for_flows(g))
		return false;
	memcpy(g->flow, from->flow, sizeof(from->flow));
	return true;
}

/* As the file had it, and what has become of it since that was begun to be noted. NULL when out of memory. */
static struct digest *digest_make(const struct sqlite_digests *d, const struct digest_copy *from)
{
	struct digest *g = digest_new(from->number);
	bool ok = g != NULL && digest_take(g, from);

	for (size_t i = 0; ok && i < d->missed_n; i++)
		if (digest_of(d->missed[i].id) == from->number) {
			ok = digest_set(g, &d->missed[i]);
			g->kept = false;
		}
	if (g != NULL && !ok) {
		digest_free(g);
		g = NULL;
	}
	return g;
}

bool sqlite_digests_expect(struct sqlite_digests *d, int64_t *below)
{
	bool room;

	pthread_mutex_lock(&d->mutex);
	room = d->known > 0 && d->n < DIGESTS_MAX;
	*below = d->known;
	d->reading = room;
	d->missed_n = 0;
	d->missed_some = false;
	pthread_mutex_unlock(&d->mutex);
	return room;
}

bool sqlite_digests_put(struct sqlite_digests *d, int64_t below, const struct digest_copy *from)
{
	struct digest *g = NULL;
	bool put;

	pthread_mutex_lock(&d->mutex);
	d->reading = false;
	put = d->known == below && !d->missed_some;
	if (put && from != NULL) {
		g = digest_make(d, from);
		put = g != NULL;
	}
	if (g != NULL) {
		g->touched = d->begun;
		digests_insert(d, g);
	}
	if (put && d->known == below)
		d->known = from != NULL ? from->number : 0;
	pthread_mutex_unlock(&d->mutex);
	return put;
}

/* ---- the readers' side ---- */

uint64_t sqlite_digests_ended(struct sqlite_digests *d)
{
	uint64_t ended;

	pthread_mutex_lock(&d->mutex);
	ended = d->ended;
	pthread_mutex_unlock(&d->mutex);
	return ended;
}

static enum digest_found digests_next(const struct sqlite_digests *d, const struct digest_want *want, bool down, uint64_t as_of,
				      int64_t *number, struct digest_copy *out)
{
	size_t at = digests_at(d, *number);

	if (*number < d->known || d->emptied > as_of)
		return DIGEST_UNKNOWN;
	if (down && (at == d->n || d->v[at]->number > *number))
		at--;
	for (; at < d->n; at = down ? at - 1 : at + 1) {	/* below the first is behind the last, too */
		*number = d->v[at]->number;
		if (d->v[at]->touched > as_of)
			return DIGEST_UNKNOWN;
		if (digest_wanted(d->v[at], want)) {
			digest_copy(d->v[at], want->flows, out);
			return DIGEST_COPIED;
		}
	}
	if (!down || d->known == 0)
		return DIGEST_NONE;
	*number = d->known - 1;
	return DIGEST_UNKNOWN;
}

enum digest_found sqlite_digests_next(struct sqlite_digests *d, const struct digest_want *want, bool down, uint64_t as_of,
				      int64_t *number, struct digest_copy *out)
{
	enum digest_found found;

	pthread_mutex_lock(&d->mutex);
	found = digests_next(d, want, down, as_of, number, out);
	pthread_mutex_unlock(&d->mutex);
	return found;
}
