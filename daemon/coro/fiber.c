#include "coro/fiber.h"

#include <string.h>

#if defined(__has_feature)
#if __has_feature(address_sanitizer)
#define FIBER_ASAN 1
#endif
#if __has_feature(thread_sanitizer)
#define FIBER_TSAN 1
#endif
#endif
#ifdef __SANITIZE_ADDRESS__
#define FIBER_ASAN 1
#endif
#ifdef __SANITIZE_THREAD__
#define FIBER_TSAN 1
#endif

enum { RECORD_ALIGN = 64 };

#ifdef FIBER_ASAN

#include <sanitizer/asan_interface.h>
#include <sanitizer/common_interface_defs.h>

static struct fiber *left;	/* by the switch under way */

/* gone: nobody comes back, so the frames it kept aside for use-after-return go too. */
static void asan_leave(struct fiber *from, struct fiber *to, bool gone)
{
	left = from;
	__sanitizer_start_switch_fiber(gone ? NULL : &from->asan_frames, to->bottom, to->size);
}

static void asan_arrive(struct fiber *f)
{
	__sanitizer_finish_switch_fiber(f->asan_frames, &left->bottom, &left->size);
}

/* The last frames of a stack's former fiber never returned, and left their marks. */
static void asan_clean(const struct stack *s)
{
	ASAN_UNPOISON_MEMORY_REGION(s->high - 4096, 4096);
}

#else

static void asan_leave(struct fiber *from, struct fiber *to, bool gone)
{
	(void)from, (void)to, (void)gone;
}

static void asan_arrive(struct fiber *f)
{
	(void)f;
}

static void asan_clean(const struct stack *s)
{
	(void)s;
}

#endif

#ifdef FIBER_TSAN

#include <sanitizer/tsan_interface.h>

/*
 * Making one takes it most of a millisecond, so that some are kept to be used
 * again. Not for ever: the calls that a fiber has never returned from stay on
 * the sanitizer's stack of them, which ends.
 */
enum { TSAN_KEPT = 256, TSAN_USES = 1000 };

static __thread struct tsan_kept {
	void *fiber;
	int uses;
} tsan_kept[TSAN_KEPT];
static __thread int tsan_kept_n;

static void *tsan_current(void) { return __tsan_get_current_fiber(); }

static void tsan_open(struct fiber *f)
{
	struct tsan_kept *kept = tsan_kept_n > 0 ? &tsan_kept[--tsan_kept_n] : NULL;

	f->tsan_fiber = kept != NULL ? kept->fiber : __tsan_create_fiber(0);
	f->tsan_uses = kept != NULL ? kept->uses + 1 : 1;
}

static void tsan_close(struct fiber *f)
{
	if (tsan_kept_n < TSAN_KEPT && f->tsan_uses < TSAN_USES)
		tsan_kept[tsan_kept_n++] = (struct tsan_kept){ f->tsan_fiber, f->tsan_uses };
	else
		__tsan_destroy_fiber(f->tsan_fiber);
}

static void tsan_drop_kept(void)
{
	while (tsan_kept_n > 0)
		__tsan_destroy_fiber(tsan_kept[--tsan_kept_n].fiber);
}

#define tsan_leave(to) __tsan_switch_to_fiber((to)->tsan_fiber, 0)

#else

static void *tsan_current(void) { return NULL; }
static void tsan_open(struct fiber *f) { (void)f; }
static void tsan_close(struct fiber *f) { (void)f; }
static void tsan_drop_kept(void) { }
#define tsan_leave(to) ((void)(to))

#endif

void fiber_adopt(struct fiber *f)
{
	memset(f, 0, sizeof(*f));
	f->tsan_fiber = tsan_current();
}

void *fiber_open(size_t size, void (*entry)(void *record))
{
	struct stack *stack;
	struct fiber *f;

	if (stack_take(&stack) < 0)
		return NULL;
	asan_clean(stack);
	size = (size + RECORD_ALIGN - 1) & ~(size_t)(RECORD_ALIGN - 1);
	f = (struct fiber *)(void *)(stack->high - size);
	memset(f, 0, size);
	f->stack = stack;
	f->bottom = stack->low;
	f->size = (size_t)((char *)f - stack->low);
	tsan_open(f);
	switch_prepare(&f->point, stack->low, f->size, entry, f);
	return f;
}

void fiber_entered(struct fiber *f)
{
	asan_arrive(f);
}

void fiber_switch(struct fiber *from, struct fiber *to)
{
	asan_leave(from, to, false);
	tsan_leave(to);
	switch_go(&from->point, &to->point);
	asan_arrive(from);
}

_Noreturn void fiber_exit(struct fiber *from, struct fiber *to)
{
	asan_leave(from, to, true);
	tsan_leave(to);
	switch_go(&from->point, &to->point);
	__builtin_trap();
}

void fiber_close(struct fiber *f)
{
	struct stack *stack = f->stack;

	tsan_close(f);
	stack_give(&stack);
}

void fiber_pool_close(void)
{
	tsan_drop_kept();
	stack_pool_close();
}
