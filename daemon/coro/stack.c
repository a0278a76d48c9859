#include "config.h"

#include "coro/stack.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#ifdef HAVE_VALGRIND_VALGRIND_H
#include <valgrind/valgrind.h>
#else
#define VALGRIND_STACK_REGISTER(low, high) 0
#define VALGRIND_STACK_DEREGISTER(id) ((void)(id))
#endif

#ifdef JOBD_SANITIZED
enum { STACK_BYTES_LEAST = 256 * 1024 };
#else
enum { STACK_BYTES_LEAST = 64 * 1024 };
#endif

enum {
	STACK_PAGES_LEAST = 4,		/* where pages are large, a guard must not eat half the stack */
	CANARY_BYTES = 512,
	MAPPINGS_DEFAULT = 65530,
	MADV_GUARD_INSTALL_ = 102,	/* newer than the C library's headers */
};

TAILQ_HEAD(stack_list, stack);

struct stack_slab {
	char *base;
	struct stack_list cold;
	size_t n_cold;
	TAILQ_ENTRY(stack_slab) link;
	struct stack stacks[STACKS_A_SLAB];
};

TAILQ_HEAD(slab_list, stack_slab);

static struct {
	struct stack_list warm;		/* the last freed first */
	struct slab_list slabs;		/* those with cold stacks first */
	size_t n_warm, n_cold, n_taken;
	size_t mprotect_max;
	size_t counts[STACK_CANARY + 1];	/* stacks mapped, by their guard */
	enum stack_guard strongest;
	bool madvise_guards;
	size_t page, bytes;
} pool = {
	.warm = TAILQ_HEAD_INITIALIZER(pool.warm),
	.slabs = TAILQ_HEAD_INITIALIZER(pool.slabs),
};

/* A guard splits one mapping into two more: take a quarter of what the process may have, so that half stays free. */
static size_t mprotect_limit(void)
{
	long max = MAPPINGS_DEFAULT;
	FILE *f = fopen("/proc/sys/vm/max_map_count", "re");

	if (f != NULL) {
		if (fscanf(f, "%ld", &max) != 1 || max < 0)
			max = MAPPINGS_DEFAULT;
		fclose(f);
	}
	return (size_t)max / 4;
}

/* Only the kernel's word counts: emulators are known to nod at any advice. It must refuse to read a guarded page. */
static bool madvise_guards(void)
{
	char *page = mmap(NULL, pool.page, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	bool guards = false;
	int fds[2];

	if (page == MAP_FAILED)
		return false;
	if (madvise(page, pool.page, MADV_GUARD_INSTALL_) == 0 && pipe2(fds, O_CLOEXEC) == 0) {
		guards = write(fds[1], page, 1) < 0 && errno == EFAULT;
		close(fds[0]);
		close(fds[1]);
	}
	munmap(page, pool.page);
	return guards;
}

static void pool_measure(void)
{
	long page = sysconf(_SC_PAGESIZE);

	pool.page = page > 0 ? (size_t)page : 4096;
	pool.bytes = STACK_BYTES_LEAST;
	if (pool.bytes < STACK_PAGES_LEAST * pool.page)
		pool.bytes = STACK_PAGES_LEAST * pool.page;
	pool.mprotect_max = mprotect_limit();
	pool.madvise_guards = madvise_guards();
}

size_t stack_bytes(void)
{
	if (pool.bytes == 0)
		pool_measure();
	return pool.bytes;
}

static bool guard_by_madvise(char *base)
{
	return pool.strongest <= STACK_MADVISE && pool.madvise_guards &&
	       madvise(base, pool.page, MADV_GUARD_INSTALL_) == 0;
}

static bool guard_by_mprotect(char *base)
{
	if (pool.strongest > STACK_MPROTECT || pool.counts[STACK_MPROTECT] >= pool.mprotect_max)
		return false;
	return mprotect(base, pool.page, PROT_NONE) == 0;
}

static void stack_carve(struct stack *s, char *base)
{
	s->high = base + pool.bytes;
	s->low = base + pool.page;
	if (guard_by_madvise(base)) {
		s->guard = STACK_MADVISE;
	} else if (guard_by_mprotect(base)) {
		s->guard = STACK_MPROTECT;
	} else {
		s->guard = STACK_CANARY;
		s->low = base + CANARY_BYTES;
	}
	pool.counts[s->guard]++;
}

static struct stack_slab *slab_open(void)
{
	struct stack_slab *slab = calloc(1, sizeof(*slab));
	size_t size = STACKS_A_SLAB * stack_bytes();

	if (slab == NULL)
		return NULL;
	slab->base = mmap(NULL, size, PROT_READ | PROT_WRITE,
			  MAP_PRIVATE | MAP_ANONYMOUS | MAP_NORESERVE | MAP_STACK, -1, 0);
	if (slab->base == MAP_FAILED) {
		free(slab);
		return NULL;
	}
	madvise(slab->base, size, MADV_NOHUGEPAGE);	/* fails where there are no huge pages: as good */
	TAILQ_INIT(&slab->cold);
	for (size_t i = 0; i < STACKS_A_SLAB; i++) {
		struct stack *s = &slab->stacks[i];

		s->slab = slab;
		stack_carve(s, slab->base + i * pool.bytes);
		TAILQ_INSERT_TAIL(&slab->cold, s, link);
	}
	slab->n_cold = STACKS_A_SLAB;
	pool.n_cold += STACKS_A_SLAB;
	TAILQ_INSERT_HEAD(&pool.slabs, slab, link);
	return slab;
}

static void slab_close(struct stack_slab *slab)
{
	for (size_t i = 0; i < STACKS_A_SLAB; i++) {
		if (slab->stacks[i].used)
			VALGRIND_STACK_DEREGISTER(slab->stacks[i].valgrind_id);
		pool.counts[slab->stacks[i].guard]--;
	}
	pool.n_cold -= STACKS_A_SLAB;
	TAILQ_REMOVE(&pool.slabs, slab, link);
	munmap(slab->base, STACKS_A_SLAB * pool.bytes);
	free(slab);
}

static struct stack *warm_take(void)
{
	struct stack *s = TAILQ_FIRST(&pool.warm);

	if (s != NULL) {
		TAILQ_REMOVE(&pool.warm, s, link);
		pool.n_warm--;
	}
	return s;
}

static struct stack *cold_take(void)
{
	struct stack_slab *slab = TAILQ_FIRST(&pool.slabs);
	struct stack *s;

	if ((slab == NULL || slab->n_cold == 0) && (slab = slab_open()) == NULL)
		return NULL;
	s = TAILQ_FIRST(&slab->cold);
	TAILQ_REMOVE(&slab->cold, s, link);
	pool.n_cold--;
	if (--slab->n_cold == 0) {
		TAILQ_REMOVE(&pool.slabs, slab, link);
		TAILQ_INSERT_TAIL(&pool.slabs, slab, link);
	}
	if (!s->used) {
		s->used = true;
		s->valgrind_id = VALGRIND_STACK_REGISTER(s->low, s->high);
	}
	return s;
}

int stack_take(struct stack **out)
{
	struct stack *s = warm_take();

	if (s == NULL)
		s = cold_take();
	if (s == NULL)
		return -ENOMEM;
	pool.n_taken++;
	*out = s;
	return 0;
}

void stack_give(struct stack **s)
{
	TAILQ_INSERT_HEAD(&pool.warm, *s, link);
	pool.n_warm++;
	pool.n_taken--;
	*s = NULL;
}

/* A canary shares its page with the stack's end; a guard has its own. */
static void stack_chill(const struct stack *s)
{
	char *from = s->guard == STACK_CANARY ? s->low - CANARY_BYTES : s->low;

	madvise(from, (size_t)(s->high - from), MADV_DONTNEED);
}

/* The longest free first, so that whole slabs come free. */
static void stack_cool_one(void)
{
	struct stack *s = TAILQ_LAST(&pool.warm, stack_list);
	struct stack_slab *slab = s->slab;

	TAILQ_REMOVE(&pool.warm, s, link);
	pool.n_warm--;
	TAILQ_INSERT_HEAD(&slab->cold, s, link);
	pool.n_cold++;
	if (slab->n_cold++ == 0) {
		TAILQ_REMOVE(&pool.slabs, slab, link);
		TAILQ_INSERT_HEAD(&pool.slabs, slab, link);
	}
	if (slab->n_cold == STACKS_A_SLAB)
		slab_close(slab);
	else
		stack_chill(s);
}

bool stack_cool(size_t n)
{
	while (n-- > 0 && pool.n_warm > STACKS_WARM)
		stack_cool_one();
	return pool.n_warm > STACKS_WARM;
}

void stack_pool_close(void)
{
	struct stack_slab *slab;

	while (pool.n_warm > 0)
		stack_cool_one();
	while ((slab = TAILQ_FIRST(&pool.slabs)) != NULL)
		slab_close(slab);
}

bool stack_intact(const struct stack *s)
{
	static const char zero[CANARY_BYTES];

	return s->guard != STACK_CANARY || memcmp(s->low - CANARY_BYTES, zero, CANARY_BYTES) == 0;
}

bool stack_guards(const struct stack *s, const void *address)
{
	const char *at = address;

	return s->guard != STACK_CANARY && at < s->low && at >= s->low - pool.page;
}

void stack_guard_limit(enum stack_guard strongest)
{
	pool.strongest = strongest;
}

void stack_stats(struct stack_stats *out)
{
	out->taken = pool.n_taken;
	out->warm = pool.n_warm;
	out->cold = pool.n_cold;
	out->guard = pool.strongest;
	for (int i = STACK_MADVISE; i <= STACK_CANARY; i++)
		if (pool.counts[i] > 0)
			out->guard = (enum stack_guard)i;
}

const char *stack_guard_name(enum stack_guard guard)
{
	static const char *const names[] = {
		[STACK_MADVISE] = "madvise",
		[STACK_MPROTECT] = "mprotect",
		[STACK_CANARY] = "canary",
	};

	return names[guard];
}
